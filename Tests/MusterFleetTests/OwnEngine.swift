import Glibc
import MusterLaunch
import MusterTestKit

/// A second container engine of the tests' kind, in a folder of its own, to be killed as a test likes. Its containers have no
/// network.
final class OwnEngine {
    private let folder: ScratchFolder
    private var engine: ChildProcess
    var socket: String { folder.path + "/d.sock" }

    /// Returns once it answers and has the tests' image.
    init() async throws {
        folder = try ScratchFolder()
        engine = try Self.start(folder.path)
        try await answers()
        let archive = folder.path + "/image.tar"
        try await Docker.run(["save", "-o", archive, Docker.image])
        try await Docker.run(["load", "-q", "-i", archive], socket: socket)
    }

    private static func start(_ path: String) throws -> ChildProcess {
        if Docker.isPodman {
            let places = ["--root", path + "/root", "--runroot", path + "/exec"]
            return try ChildProcess(
                executable: "podman", arguments: places + ["system", "service", "--time=0", "unix://\(path)/d.sock"],
                output: .file(path: path + "/log"))
        }
        return try ChildProcess(
            executable: "unshare",
            arguments: [
                // In a network of its own: an engine without a bridge takes away that of another.
                "-n", "dockerd", "-H", "unix://\(path)/d.sock", "--data-root", path + "/root", "--exec-root",
                path + "/exec",
                "--pidfile",
                path + "/pid", "--iptables=false", "--ip-masq=false", "--bridge=none",
            ], output: .file(path: path + "/log"))
    }

    private func answers() async throws {
        try await eventually("the engine answers", within: .seconds(60)) {
            (try? await Docker.run(["version"], socket: socket)) != nil
        }
    }

    /// Ends it by this signal, then starts it again.
    func restart(_ signal: Int32) async throws {
        engine.signal(signal)
        _ = await engine.wait()
        // Numbers of processes that may be waited for by nobody, and so seem to live.
        for file in ["pid", "exec/containerd/containerd.pid", "d.sock"] { unlink(folder.path + "/" + file) }
        engine = try Self.start(folder.path)
        try await answers()
    }

    func end() async {
        engine.terminate()
        if await engine.wait(atMost: .seconds(30)) == nil { engine.killGroup() }
        // The engine mounts its own folder over itself.
        for kind in ["root/overlay", "root", "exec"] {
            if let child = try? ChildProcess(
                executable: "umount", arguments: ["-l", folder.path + "/" + kind], output: .discard)
            {
                _ = await child.wait()
            }
            if let child = try? ChildProcess(executable: "rm", arguments: ["-rf", folder.path + "/" + kind]) {
                _ = await child.wait()
            }
        }
        folder.remove()
    }
}
