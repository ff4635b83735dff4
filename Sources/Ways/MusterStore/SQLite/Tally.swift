/// What is recorded of one job, from one scan in task order that reads an index only.
///
/// Summing here rather than by GROUP BY saves a sort, and gives coverage and counts in one pass.
struct Tally {
    var done = 0
    var failed = 0
    var workers: [String: Int] = [:]
    var recorded = RangeSet<Int>()

    static let sql: StaticString =
        "SELECT first, count, is_failure, worker FROM result WHERE job = ? ORDER BY first"

    init(_ job: Int64, by scan: Statement) throws(StoreError) {
        defer { scan.reset() }
        try scan.bind(1, job)
        // Sums wrap rather than trap: what a damaged file says must not end the process.
        var open = 0..<0
        var worker = WorkerRun()
        while try scan.step() {
            let tasks = try scan.tasks(0, of: job)
            if scan.int64(2) == 0 { done &+= tasks.count } else { failed &+= tasks.count }
            if !worker.matches(scan.raw(3)) {
                worker.add(to: &workers)
                worker = WorkerRun(scan.raw(3))
            }
            worker.tasks &+= tasks.count
            if tasks.lowerBound == open.upperBound {
                open = open.lowerBound..<tasks.upperBound
            } else {
                recorded.insert(contentsOf: open)
                open = tasks
            }
        }
        recorded.insert(contentsOf: open)
        worker.add(to: &workers)
    }
}

/// Records of one worker in a row: makes a string once per change of worker, not once per record.
private struct WorkerRun {
    private var name: [UInt8] = []
    var tasks = 0

    init() {}
    init(_ name: UnsafeBufferPointer<UInt8>) { self.name = Array(name) }

    func matches(_ other: UnsafeBufferPointer<UInt8>) -> Bool { tasks > 0 && name.elementsEqual(other) }

    /// Adds rather than sets: names that differ in bytes can be equal as strings (composed and decomposed accents).
    func add(to workers: inout [String: Int]) {
        if tasks > 0 { workers[String(decoding: name, as: UTF8.self), default: 0] &+= tasks }
    }
}
