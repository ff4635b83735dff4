internal import Glibc
internal import MusterCore
internal import MusterKernels
internal import MusterSystem
internal import Synchronization

/// Finds the file of a program as a shell does.
final class ProgramLookup: Sendable {
    enum Answer {
        /// An absolute path.
        case found(String)
        case none(ExecOutcome.End)
    }

    private struct Found {
        var name: [UInt8] = []
        var path = ""
        var place = ""
        var until = Moment.zero
    }

    /// So long nobody looks again whether the folders before have one by now: a job asks for the same program some thousand times a second.
    private static let lifetime: Duration = .seconds(1)
    /// The last one.
    private let last = Mutex(Found())

    /// A name with a slash is a path, seen from `folder`; others are looked for in the folders of `path`.
    func find(_ name: [UInt8], path: String, from folder: String) -> Answer {
        let now = SystemTime.now()
        let known = last.withLock { $0.until > now && $0.name == name && $0.path == path ? $0.place : nil }
        if let known, Self.look(known) == S_IFREG, access(known, X_OK) == 0 { return .found(known) }
        let answer = Self.find(name, path: path, from: folder)
        if case .found(let place) = answer, !name.contains(UInt8(ascii: "/")) {
            last.withLock { $0 = Found(name: name, path: path, place: place, until: now + Self.lifetime) }
        }
        return answer
    }

    private static func find(_ name: [UInt8], path: String, from folder: String) -> Answer {
        // Names of files need not be UTF-8, but a path that is not cannot be a program that Swift's strings name.
        guard let text = String(validating: name, as: UTF8.self), !text.isEmpty else {
            return .none(.notFound(String(decoding: name.prefix(200), as: UTF8.self)))
        }
        let shown = String(text.prefix(200))
        if name.contains(UInt8(ascii: "/")) {
            let place = name.first == UInt8(ascii: "/") ? text : "\(folder)/\(text)"
            switch look(place) {
            case nil: return .none(.notFound(shown))
            case S_IFREG? where access(place, X_OK) == 0: return .found(place)
            case S_IFDIR?: return .none(.notExecutable("\(shown): it is a folder"))
            default: return .none(.notExecutable("\(shown): \(String(cString: strerror(EACCES)))"))
            }
        }
        var isThere = false
        for directory in path.utf8.split(separator: UInt8(ascii: ":")) where directory.first == UInt8(ascii: "/") {
            let place = "\(Substring(directory))/\(text)"
            guard look(place) == S_IFREG else { continue }
            if access(place, X_OK) == 0 { return .found(place) }
            isThere = true
        }
        return .none(
            isThere ? .notExecutable("\(shown): \(String(cString: strerror(EACCES)))") : .notFound(shown))
    }

    /// Its kind; nil: there is nothing.
    private static func look(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
}
