internal import MusterCore

/// Writes of tasks that workers may have and that must not be run twice.
struct BegunWrites {
    private let insert: Statement
    private let remove: Statement

    init(_ connection: Connection) throws(StoreError) {
        insert = try connection.prepare("INSERT OR REPLACE INTO begun (job, task, attempt, member) VALUES (?, ?, ?, ?)")
        remove = try connection.prepare("DELETE FROM begun WHERE job = ? AND task >= ? AND task < ?")
    }

    /// In the place of what was known of them: they were not begun where they went before.
    func note(_ tasks: [BegunTask]) throws(StoreError) {
        for task in tasks {
            try insert.bind(1, task.job.rawValue)
            try insert.bind(2, task.task)
            try insert.bind(3, task.attempt)
            try insert.bind(4, task.member.rawValue)
            try insert.run()
        }
    }

    func drop(_ job: JobID, _ tasks: Range<Int>) throws(StoreError) {
        try remove.bind(1, job.rawValue)
        try remove.bind(2, tasks.lowerBound)
        try remove.bind(3, tasks.upperBound)
        try remove.run()
    }
}
