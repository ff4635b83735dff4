internal import Glibc

/// Why a program was not started.
package struct LaunchError: Error, Sendable, Hashable {
    package enum Code: Sendable, Hashable, CaseIterable {
        /// There is no such file, or none of that name on `PATH`.
        case notFound
        /// It is no regular file, may not be executed, or is no program for this machine.
        case notExecutable
        case workingDirectory
        /// The file for the output cannot be opened.
        case output
        /// Processes, descriptors or memory have run out for now.
        case resources
        /// What is to start it cannot be reached for now.
        case unreachable
        case other
    }

    package let code: Code
    /// What was to be started, what is wrong and what to do.
    package let message: String
    /// Whether the same call may succeed later.
    package var isRetryable: Bool { code == .resources || code == .unreachable }

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// For the failure of a system call.
    init(_ errno: CInt, doing what: String) {
        let why = String(cString: strerror(errno))
        switch errno {
        case EAGAIN:
            self.init(.resources, "\(what): \(why); the limit of processes is reached (ulimit -u), try again later")
        case EMFILE, ENFILE: self.init(.resources, "\(what): \(why); raise the limit of open files (ulimit -n)")
        case ENOMEM: self.init(.resources, "\(what): \(why); try again later")
        case EACCES, ENOEXEC, EPERM: self.init(.notExecutable, "\(what): \(why)")
        case ENOENT:
            self.init(.notFound, "\(what): \(why); if it is a script, the interpreter of its first line is missing")
        default: self.init(.other, "\(what): \(why)")
        }
    }
}

extension LaunchError: CustomStringConvertible {
    package var description: String { message }
}
