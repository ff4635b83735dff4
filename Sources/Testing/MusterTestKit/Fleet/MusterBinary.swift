internal import Glibc

/// The `muster` program that a fleet is made of.
package enum MusterBinary {
    /// `MUSTER_BINARY` where it is set, else the one beside the running test bundle.
    package static let path: String = {
        if let given = getenv("MUSTER_BINARY"), given.pointee != 0 { return String(cString: given) }
        guard let own = realpath("/proc/self/exe", nil) else { return "muster" }
        defer { free(own) }
        let path = String(cString: own)
        return (path.lastIndex(of: "/").map { String(path[...$0]) } ?? "") + "muster"
    }()
}
