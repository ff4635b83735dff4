internal import Glibc

/// Where a container engine listens: a unix socket, Docker's own or that of something compatible.
package struct EngineAddress: Hashable, Sendable {
    package static let usualPath = "/var/run/docker.sock"
    /// Absolute or relative to the working directory. 1…107 bytes.
    package let path: String

    package init(path: String) { self.path = path }

    /// The given path, else what `DOCKER_HOST` says, else the usual one. Throws an `EngineError` for a host that is not a unix
    /// socket.
    package init(given: String?, dockerHost: String?) throws(EngineError) {
        guard given == nil, let dockerHost, !dockerHost.isEmpty else {
            path = given ?? Self.usualPath
            return
        }
        guard dockerHost.hasPrefix("unix://"), dockerHost.utf8.count > 7 else {
            throw EngineError(
                .away,
                "DOCKER_HOST is \(dockerHost.prefix(200)): only unix:// sockets are spoken to; give --docker-socket PATH",
                isRetryable: false)
        }
        path = String(dockerHost.dropFirst(7))
    }

    /// Whether there is a socket that this user may open.
    package var isUsable: Bool { defect == nil }

    /// What is wrong with the socket as a file, and what to do. Nil: nothing.
    var defect: EngineError? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == EACCES { return forbidden }
            return EngineError(
                .away,
                "there is no container engine at \(path): start one (systemctl start docker); inside a container, mount its"
                    + " socket: docker run -v /var/run/docker.sock:/var/run/docker.sock …")
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            return EngineError(
                .away,
                "\(path) is no socket; a mount of a missing socket makes a folder: start the engine first, then mount it again"
            )
        }
        return access(path, R_OK | W_OK) == 0 ? nil : forbidden
    }

    private var forbidden: EngineError {
        EngineError(
            .forbidden,
            "this user may not open \(path): join its group (usermod -aG docker USER), or run the container with"
                + " --group-add $(stat -c %g \(path))")
    }
}
