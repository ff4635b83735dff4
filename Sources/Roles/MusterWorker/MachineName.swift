internal import MusterCrypto
internal import MusterRole

/// What a worker calls the machine it runs on: the same for all workers there, another on every other machine.
enum MachineName {
    /// The system's id of the machine, hashed: the id itself is not for strangers (machine-id(5)). Where the system has none, one
    /// that is made and kept in the data directory.
    static func own(directory: String, systemPath: String = "/etc/machine-id") throws(NodeError) -> String {
        if let id = try? TokenStore.read(systemPath), id.utf8.count >= 32 { return hashed(id) }
        let path = directory + "/machine"
        if let kept = try TokenStore.read(path) { return hashed(kept) }
        // Of several workers that start together, all take the first.
        try writePrivatelyOnce(hex(randomBytes(16)) + "\n", to: path)
        guard let made = try TokenStore.read(path) else {
            throw NodeError(.files, "\(path) holds no name of this machine; remove it to have another made")
        }
        return hashed(made)
    }

    private static func hashed(_ id: String) -> String {
        hex(SHA256.digest(of: Array("muster machine \(id)".utf8)).prefix(16))
    }
}
