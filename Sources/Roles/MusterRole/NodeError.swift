/// Why a role could not start or go on; printed to the operator.
package struct NodeError: Error, CustomStringConvertible, Sendable {
    package enum Code: Sendable {
        /// A file or folder could not be read or written.
        case files
        /// A token or secret was refused. Retrying with the same one cannot help.
        case refused
        /// The other side is not there. Retrying may help.
        case unavailable
        /// The environment or a flag does not fit.
        case setup
    }
    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
