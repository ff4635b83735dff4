import Glibc
import MusterLaunch
import MusterTestKit

/// How a script ended, and what it printed, byte by byte.
struct ScriptOutcome {
    let code: Int
    let output: [UInt8]
    let errors: String

    var text: String { String(decoding: output, as: UTF8.self) }
    var lines: [Substring] { text.split(separator: "\n") }
}

/// People's own commands: what a shell would have of `muster run`.
extension Fleet {
    func startCommandWorker(_ name: String, slots: Int = 1) throws -> FleetProcess {
        try startWorker(name, slots: slots, environment: ["MUSTER_ALLOW_EXEC": "true"])
    }

    /// Runs a script with `muster` and the fleet's token in it, in the fleet's folder.
    func script(_ text: String) async throws -> ScriptOutcome {
        let place = try ScratchFolder()
        defer { place.remove() }
        symlink(MusterBinary.path, place.path + "/muster")
        let child = try ChildProcess(
            executable: "/bin/bash",
            arguments: [
                "-c", "cd \"$1\"; exec </dev/null >\"$2/out\" 2>\"$2/err\"\n" + text, "bash", folder.path, place.path,
            ],
            environment: [
                "PATH": "\(place.path):/usr/bin:/bin", "MUSTER_TOKEN": token, "MUSTER_URL": url, "LANG": "C.UTF-8",
            ], killsGroupAtExit: true)
        defer { child.kill() }
        let code: Int
        switch await child.wait(atMost: .seconds(120)) {
        case .exited(let number): code = number
        case .signalled(let number): code = 128 + Int(number)
        case nil: throw FleetError("a script still ran after two minutes: \(text)")
        }
        return ScriptOutcome(
            code: code, output: try place.read("out"), errors: String(decoding: try place.read("err"), as: UTF8.self))
    }
}
