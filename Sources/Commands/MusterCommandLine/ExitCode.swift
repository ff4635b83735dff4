/// How a process ends: 0, 1, or one of the codes of BSD's sysexits.h (64…78), so that scripts can tell the causes
/// apart.
package enum ExitCode: Int32, CaseIterable, Sendable {
    case success = 0
    case failure = 1
    case usage = 64
    case data = 65
    case noInput = 66
    case unavailable = 69
    case internalError = 70
    case osError = 71
    case cannotCreate = 73
    case inputOutput = 74
    case temporary = 75
    case noPermission = 77
    case configuration = 78

    /// What the code means wherever a command does not say it more exactly.
    var meaning: String {
        switch self {
        case .success: "The work is done."
        case .failure: "The work itself failed: a job failed or was cancelled."
        case .usage: "The command line or an environment variable is wrong."
        case .data: "The input is wrong, or the coordinator refused what it was sent."
        case .noInput: "A file cannot be read, or what was asked for does not exist."
        case .unavailable: "The coordinator cannot be reached."
        case .internalError: "A defect in muster or in the coordinator."
        case .osError: "The operating system refused something the process needs."
        case .cannotCreate: "A file or directory cannot be made."
        case .inputOutput: "Reading or writing failed on the way."
        case .temporary: "Not now: the same command may succeed later."
        case .noPermission: "The token is missing, wrong, or not allowed to do this."
        case .configuration: "The settings do not fit together, or a file of them is wrong."
        }
    }
}
