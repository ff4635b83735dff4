package import MusterAPI
package import MusterCore
package import MusterHTTP
package import MusterWire

/// One job, for whoever follows it.
package protocol JobLooks: Sendable {
    /// Of the path.
    func jobID(_ request: HTTPRequest) throws(Problem) -> JobID
    /// Throws a `Problem` where the sender may not see this job.
    func requireReadable(_ id: JobID, _ request: HTTPRequest) async throws
    /// Whether everybody may see it; nil for one that is over, or never was.
    func isOpen(_ id: JobID, _ fleet: borrowing Fleet) -> Bool?
    /// Nil for a job that never was.
    func status(of id: JobID) async throws -> JobStatus?
}

extension Problem {
    package static func noSuchJob(_ id: JobID) -> Problem { Problem(404, "There is no job \(id).") }
}
