internal import Glibc
internal import MusterCore
internal import MusterLog
internal import MusterRole
internal import MusterSystem

/// Where `muster up` leaves its token for the commands of the same user, in whatever folder they run: one file for each port, which
/// nobody else may read, and which counts for as long as the process that wrote it holds its lock.
package struct OwnerPlace {
    /// What one of the files says.
    package struct Entry: Hashable, Sendable {
        /// The URL that it listens at.
        var url: String
        var token: String
        /// The file in its data folder that holds the token, too.
        var path: String

        package init(url: String, token: String, path: String) {
            (self.url, self.token, self.path) = (url, token, path)
        }
    }

    /// Held for as long as the entry is to count.
    package struct Claim {
        fileprivate let lock: FileLock
        fileprivate let path: String

        /// It is over: nobody finds it any more.
        package func end() { unlink(path) }
    }

    private let folders: [String]

    /// The user's folder for state (XDG base directories); where it cannot be written, one of the user's own below /tmp.
    package init(_ environment: [String: String], temporary: String = "/tmp") {
        var folders: [String] = []
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { folders.append(state + "/muster") }
        if let home = environment["HOME"], home.hasPrefix("/") {
            folders.append((home == "/" ? "" : home) + "/.local/state/muster")
        }
        self.folders = folders + ["\(temporary)/muster-\(geteuid())"]
    }

    /// Nil where there is no place for it: then commands find the token in the data folder only.
    package func publish(_ entry: Entry, port: Int) -> Claim? {
        for folder in folders {
            do throws(NodeError) {
                try makeOwnDirectory(folder)
                let path = Self.path(folder, port)
                try writePrivately("\(entry.url)\n\(entry.token)\n\(entry.path)\n", to: path)
                guard let lock = try FileLock(path: path) else { continue }
                return Claim(lock: lock, path: path)
            } catch {
                Log.debug("no place for the owner's token", ["folder": folder, "reason": error.message])
            }
        }
        return nil
    }

    /// The entry of a fleet that runs and is meant by this URL. What another user left, or may read, is none.
    func entry(for url: String) -> Entry? {
        guard let authority = Authority(url: url), authority.isLoopback, url.lowercased().hasPrefix("http:") else {
            return nil
        }
        for folder in folders {
            do throws(NodeError) {
                let path = Self.path(folder, authority.port ?? 80)
                guard access(path, F_OK) == 0 else { continue }
                try makeOwnDirectory(folder)
                // A dead process holds no lock; what it listened at may be anybody's by now.
                guard let entry = try Self.read(path), try FileLock(path: path) == nil, Self.isMeant(authority, entry)
                else { continue }
                return entry
            } catch {
                Log.debug("an owner's token is not taken", ["folder": folder, "reason": error.message])
            }
        }
        return nil
    }

    private static func path(_ folder: String, _ port: Int) -> String { "\(folder)/up-\(port)" }

    private static func read(_ path: String) throws(NodeError) -> Entry? {
        guard let bytes = try readSecret(path, bytesMax: 16 << 10) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        return lines.count == 3 ? Entry(url: lines[0], token: lines[1], path: lines[2]) : nil
    }

    /// Another address of this machine may be another user's, even with the same port; `localhost` means the usual one.
    private static func isMeant(_ asked: Authority, _ entry: Entry) -> Bool {
        guard let own = Authority(url: entry.url), own.port == asked.port else { return false }
        return own.host == asked.host || asked.host == .name("localhost")
    }
}
