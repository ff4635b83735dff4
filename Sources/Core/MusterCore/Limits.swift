/// Bounds on what callers may ask for. docs/limits.md lists them; whatever exceeds one is refused with its value.
package enum Limits {
    /// Tasks in one job.
    package static let jobTasksMax = 100_000_000
    /// Tasks in one job with a quorum: each of its votes is a row until it is decided.
    package static let quorumTasksMax = 10_000_000
    /// Machines in the list of contributions: those that did most.
    package static let machinesListedMax = 10_000
    /// Volunteers' tokens, revoked ones included.
    package static let joinTokensMax = 1_000_000
    /// Bytes of a text as a QR code: what any text may have in the largest one (version 40, level M).
    package static let qrCodeBytesMax = 2_331
    /// Unfinished jobs in the coordinator at one time; more are refused with 503.
    package static let unfinishedJobsMax = 100_000
    /// Bytes of the label that says whose a job is.
    package static let ownerBytesMax = 64
    /// Jobs that one job waits for.
    package static let prerequisitesMax = 100
    /// Bytes of one message that a member sends over its WebSocket; what is longer goes by a request.
    package static let memberMessageBytesMax = 128 << 10
    /// The same of what the coordinator answers to a worker that asks for work; what is longer is handed out to a request.
    package static let leasesMessageBytesMax = 192 << 10
    /// Deliveries of one member that are under way over its WebSocket; more are refused.
    package static let memberDeliveriesMax = 64
    /// Bytes of one input, value or failure reason.
    package static let valueBytesMax = 1 << 20
    /// Bytes that one task of a transient job may answer.
    package static let blobBytesMax = 16 << 20
    /// Bytes of a job's params.
    package static let paramsBytesMax = 64 << 10
    package static let attemptsMax = 100
    /// Seconds that a job may give an attempt at a task: a tenth to thirty days.
    package static let timeoutSecondsMin = 0.1
    package static let timeoutSecondsMax = 2_592_000.0
    /// Bytes of a command's text. 1…
    package static let commandBytesMax = 4_096
    /// Children asked for by one request, and numbers that one of them brings.
    package static let childrenAtOnceMax = 10_000
    package static let childNumbersMax = 10_000_000
    package static let childNumbersDefault = 1_000
    /// Numbers in one delivery of a child.
    package static let childReportMax = 1_000_000
    package static let numberRangeMax = 4_294_967_295
    package static let numberRangeDefault = 10_000_000
    /// Attempts of a task when its job does not say.
    package static let attemptsDefault = 5
    /// A task that no worker can run by its own fault (no such image, no engine) and that has no other worker to go to fails
    /// for good after so many tries.
    package static let faultsMax = 5
    /// The wait before a failed task is tried again: of a job that does not say, the longest that may be asked for, and
    /// where doubling ends.
    package static let retryDelayDefault: Duration = .seconds(1)
    package static let retryDelaySecondsMax = 3_600.0
    package static let retryDelayCap: Duration = .seconds(60)
    /// Between two starts of a job's tasks.
    package static let startDelaySecondsMin = 0.01
    package static let startDelaySecondsMax = 3_600.0
    /// Tasks in one list of those that run.
    package static let tasksListedMax = 10_000
    package static let slotsMax = 1_024
    /// What a task may need, and a worker have: bytes of memory, GPUs, kinds of whatever else is counted, and how many of each.
    package static let memoryBytesMax = 1 << 50
    package static let gpusMax = 64
    package static let countsMax = 64
    package static let countMax = 1_000_000
    /// Bytes of names of members, kernels, label keys and values.
    package static let nameBytesMax = 128
    package static let labelsMax = 64
    /// Members of one fleet.
    package static let membersMax = 100_000
    /// Nesting of JSON bodies.
    package static let jsonDepthMax = 64
    /// Bytes of a request body, where a route does not say less: inputs of a job and delivered results.
    package static let bodyBytesMax = 64 << 20
    /// Held lease calls wait at most so long.
    package static let leaseWaitSecondsMax = 60.0
}
