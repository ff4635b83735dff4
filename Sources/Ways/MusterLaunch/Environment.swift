internal import Glibc

/// This process's environment without Muster's own variables.
package enum Environment {
    package static var inherited: [String: String] {
        var found: [String: String] = [:]
        for entry in entries {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            found[String(decoding: entry[..<equals], as: UTF8.self)] = String(
                decoding: entry[(equals + 1)...], as: UTF8.self)
        }
        return found
    }

    /// The same for what this process launches to work for it: without what lets this one into its database, as that would reach all
    /// tasks.
    package static var handedDown: [String: String] { inherited.filter { $0.key != "PGPASSWORD" } }

    /// The same as `inherited`, as it is, `NAME=VALUE` each: values need not be UTF-8.
    package static var entries: [[UInt8]] {
        var found: [[UInt8]] = []
        var place = environ
        while let entry = place.pointee {
            let bytes = [UInt8](UnsafeRawBufferPointer(start: entry, count: strlen(entry)))
            if bytes.contains(UInt8(ascii: "=")), !bytes.starts(with: own) { found.append(bytes) }
            place += 1
        }
        return found
    }

    /// Overwrites the tokens of `MUSTER_TOKEN…` where the system shows them to others of this user, in /proc/PID/environ: to
    /// be called once they were read, while no other thread reads the environment.
    package static func hideTokens() {
        var place = environ
        while let entry = place.pointee {
            let count = strlen(entry)
            let bytes = UnsafeRawBufferPointer(start: entry, count: count)
            if bytes.starts(with: secret), let equals = bytes.firstIndex(of: UInt8(ascii: "=")) {
                memset(entry + equals + 1, CInt(UInt8(ascii: "x")), count - equals - 1)
            }
            place += 1
        }
    }

    private static let own = Array("MUSTER_".utf8)
    private static let secret = Array("MUSTER_TOKEN".utf8)
}
