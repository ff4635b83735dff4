internal import MusterAPI
internal import MusterCore
internal import RunRules

/// Who follows which jobs, and the newest of what those jobs' commands printed. A value without clock or lock: who reads waits
/// elsewhere.
struct LiveBook {
    /// Readers at one time.
    static let readersMax = 1_000
    /// Kept of one stream of a task, for who comes later or reads slowly.
    static let streamBytesMax = 64 << 10
    /// Kept in sum, of all jobs that are followed.
    static let bytesMax = 64 << 20
    /// Tasks of one job of which something is kept.
    static let tasksMax = 4_096

    /// One run of a task: its streams begin anew.
    private struct Run: Hashable {
        var attempt = 0
        var startMs: WallClockMs = 0
    }

    private struct Kept {
        var run: Run
        var worker: String
        var output = LiveWindow(bytesMax: LiveBook.streamBytesMax)
        var error = LiveWindow(bytesMax: LiveBook.streamBytesMax)
        /// When something came last, as a number that grows.
        var touched: UInt64 = 0

        var bytes: Int { output.count + error.count }
    }

    private struct Place {
        var run = Run()
        var output = 0
        var error = 0
    }

    private struct Reader {
        /// This task and no other.
        var only: Int?
        /// What it has of each task that is kept.
        var places: [Int: Place] = [:]
        /// Tasks of which there is more than it has.
        var due: Set<Int> = []
    }

    private struct Job {
        var readers: [UInt64: Reader] = [:]
        var tasks: [Int: Kept] = [:]
        var bytes: Int { tasks.values.reduce(0) { $0 + $1.bytes } }
    }

    private var jobs: [JobID: Job] = [:]
    /// Jobs that have ended, for those of their readers who have not read all of it, by a number each: one that is tried again is another.
    private var ended: [UInt64: Job] = [:]
    private var endedOfReader: [UInt64: UInt64] = [:]
    private var nextEnded: UInt64 = 1
    private var nextReader: UInt64 = 1
    private var touches: UInt64 = 0
    private(set) var readersCount = 0
    private(set) var bytesKept = 0
    private(set) var bytesTaken = 0

    var followed: [JobID] { jobs.keys.sorted() }
    func isFollowed(_ id: JobID) -> Bool { jobs[id] != nil }

    /// A new reader of a job; nil: there are too many. It gets what is kept first. `isFirst`: nobody followed the job before.
    mutating func begin(_ id: JobID, only: Int?) -> (reader: UInt64, isFirst: Bool)? {
        guard readersCount < Self.readersMax else { return nil }
        let number = nextReader
        nextReader += 1
        readersCount += 1
        let isFirst = jobs[id] == nil
        var reader = Reader(only: only)
        reader.due = Set(jobs[id]?.tasks.keys.filter { only == nil || only == $0 } ?? [])
        jobs[id, default: Job()].readers[number] = reader
        return (number, isFirst)
    }

    /// Whether it was the last one of a job that goes on, of which nothing is kept any more then.
    mutating func end(_ reader: UInt64, of id: JobID) -> Bool {
        if let number = endedOfReader.removeValue(forKey: reader) {
            readersCount -= 1
            ended[number]!.readers[reader] = nil
            if ended[number]!.readers.isEmpty { bytesKept -= ended.removeValue(forKey: number)!.bytes }
            return false
        }
        guard jobs[id]?.readers.removeValue(forKey: reader) != nil else { return false }
        readersCount -= 1
        guard jobs[id]!.readers.isEmpty else { return false }
        bytesKept -= jobs.removeValue(forKey: id)!.bytes
        return true
    }

    /// The job has ended: its readers have what there is, and no more comes. Those readers.
    mutating func over(_ id: JobID) -> [UInt64] {
        guard let job = jobs.removeValue(forKey: id) else { return [] }
        ended[nextEnded] = job
        for reader in job.readers.keys { endedOfReader[reader] = nextEnded }
        nextEnded += 1
        return Array(job.readers.keys)
    }

    /// A piece of a job that is followed, from the worker that has the task now. The readers that have something to read now.
    mutating func take(_ piece: OutputPiece) -> [UInt64] {
        guard jobs[piece.job] != nil else { return [] }
        let run = Run(attempt: piece.attempt, startMs: piece.startMs)
        var kept = jobs[piece.job]!.tasks.removeValue(forKey: piece.task) ?? Kept(run: run, worker: piece.worker)
        bytesKept -= kept.bytes
        if run != kept.run, run.attempt >= kept.run.attempt { kept = Kept(run: run, worker: piece.worker) }
        if run == kept.run {
            if piece.stream == .stdout {
                kept.output.append(piece.text, at: piece.offset)
            } else {
                kept.error.append(piece.text, at: piece.offset)
            }
        }
        touches += 1
        kept.touched = touches
        jobs[piece.job]!.tasks[piece.task] = kept
        bytesKept += kept.bytes
        bytesTaken += piece.text.count
        let readers = wake(piece.job, piece.task)
        if jobs[piece.job]!.tasks.count > Self.tasksMax { letGo(in: piece.job) }
        while bytesKept > Self.bytesMax, makeRoom() {}
        return readers
    }

    /// First of what has ended, whose readers are slow; then of the job that has most. False: nothing is kept.
    private mutating func makeRoom() -> Bool {
        if let oldest = ended.filter({ !$0.value.tasks.isEmpty }).keys.min() {
            bytesKept -= ended[oldest]!.bytes
            ended[oldest]!.tasks = [:]
            return true
        }
        guard let largest = jobs.max(by: { $0.value.tasks.count < $1.value.tasks.count }), !largest.value.tasks.isEmpty
        else { return false }
        letGo(in: largest.key)
        return true
    }

    private mutating func wake(_ id: JobID, _ task: Int) -> [UInt64] {
        var woken: [UInt64] = []
        for number in jobs[id]!.readers.keys {
            let only = jobs[id]!.readers[number]!.only
            guard only == nil || only == task else { continue }
            jobs[id]!.readers[number]!.due.insert(task)
            woken.append(number)
        }
        return woken
    }

    /// Those tasks of which nothing came for longest: a quarter of them.
    private mutating func letGo(in id: JobID) {
        let oldest = jobs[id]!.tasks.sorted { $0.value.touched < $1.value.touched }
        for (task, kept) in oldest.prefix(max(1, oldest.count / 4)) {
            bytesKept -= kept.bytes
            jobs[id]!.tasks[task] = nil
            for number in jobs[id]!.readers.keys {
                jobs[id]!.readers[number]!.due.remove(task)
                jobs[id]!.readers[number]!.places[task] = nil
            }
        }
    }

    /// What a reader has not had yet, about so many bytes; and whether that is all that there will be.
    mutating func read(_ number: UInt64, of id: JobID, atMost limit: Int) -> (pieces: [OutputPiece], isOver: Bool) {
        let over = endedOfReader[number]
        let tasks = (over.map { ended[$0] } ?? jobs[id])?.tasks ?? [:]
        guard var reader = (over.map { ended[$0] } ?? jobs[id])?.readers[number] else { return ([], true) }
        var pieces: [OutputPiece] = []
        var left = limit
        while left > 0, let task = reader.due.popFirst() {
            guard let kept = tasks[task] else { continue }
            var place = reader.places[task] ?? Place()
            if place.run != kept.run { place = Place(run: kept.run) }
            for stream in OutputPiece.Stream.allCases {
                let window = stream == .stdout ? kept.output : kept.error
                let from = stream == .stdout ? place.output : place.error
                guard let (offset, text) = window.bytes(from: from, atMost: left) else { continue }
                left -= text.count
                if stream == .stdout { place.output = offset + text.count } else { place.error = offset + text.count }
                pieces.append(
                    OutputPiece(
                        job: id, task: task, attempt: kept.run.attempt, startMs: kept.run.startMs, stream: stream,
                        offset: offset, text: text, worker: kept.worker))
            }
            reader.places[task] = place
            if place.output < kept.output.end || place.error < kept.error.end { reader.due.insert(task) }
        }
        if let over { ended[over]!.readers[number] = reader } else { jobs[id]!.readers[number] = reader }
        return (pieces, over != nil && reader.due.isEmpty)
    }
}
