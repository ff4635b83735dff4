internal import CSystem

/// Which build of the program this is.
package enum BuildStamp {
    /// The commit that `Scripts/build` wrote into the file, in hexadecimal digits, with a + behind it where what was built had
    /// changes that are in no commit; nil for what was built in another way, or outside git.
    package static var commit: String? { commit(of: (0..<40).map { UInt8(bitPattern: muster_commit_byte(Int32($0))) }) }

    /// `release` is optimised, `debug` is not.
    package static var kind: String {
        #if DEBUG
            "debug"
        #else
            "release"
        #endif
    }

    /// What the program says of its build beside its version: one line's worth.
    package static var description: String { description(commit: commit, kind: kind) }

    static func commit(of bytes: [UInt8]) -> String? {
        let written = bytes.prefix { $0 != UInt8(ascii: ".") }
        return written.isEmpty ? nil : String(decoding: written, as: UTF8.self)
    }

    static func description(commit: String?, kind: String) -> String {
        "commit \(commit ?? "unknown"), \(kind) build"
    }
}
