import Glibc
import MusterLaunch
import MusterTestKit
import Testing

/// A client on a host of its own, whose cable is pulled: nothing says goodbye, no connection breaks.
@Suite(.timeLimit(.minutes(3)), .enabled(if: geteuid() == 0, "needs root to make a network namespace"))
struct NamespaceTests {
    private static func ip(_ arguments: String) async throws {
        let words = arguments.split(separator: " ").map { String($0) }
        let status = await (try ChildProcess(executable: "ip", arguments: words, output: .discard)).wait()
        guard status == .exited(0) else { throw FleetError("ip \(arguments): \(status)") }
    }

    /// Ends with the namespace, whatever happens in `body`.
    private static func withHost(_ body: (_ name: String, _ here: String) async throws -> Void) async throws {
        let (name, number) = ("muster\(getpid())", Int(getpid()) % 250)
        try await ip("netns add \(name)")
        do {
            try await ip("link add v\(getpid()) type veth peer name far netns \(name)")
            try await ip("address add 10.213.\(number).1/30 dev v\(getpid())")
            try await ip("link set v\(getpid()) up")
            try await ip("-n \(name) address add 10.213.\(number).2/30 dev far")
            try await ip("-n \(name) link set far up")
            try await body(name, "10.213.\(number).1")
        } catch {
            try? await ip("netns delete \(name)")
            throw error
        }
        try await ip("netns delete \(name)")
    }

    @Test func aPulledCableIsNoticedBySilence() async throws {
        try await Self.withHost { host, here in
            try await Fleet.run(flags: ["--host", "0.0.0.0", "--silence-seconds", "3"]) { fleet in
                let silent = ["--min-interval", "3600", "--max-interval", "3600"]
                let near = try fleet.start(["client", "--join", fleet.url, "--name", "near"] + silent)
                try await eventually("one is there") { try await fleet.memberNames() == ["near"] }
                let far = try fleet.start(
                    ["client", "--join", "http://\(here):\(fleet.port)", "--name", "far"] + silent,
                    limits: "set -- ip netns exec \(host) \"$@\"")
                try await eventually("both are there") { try await fleet.memberNames() == ["near", "far"] }
                #expect(try await fleet.muster("send", "HELLO", "--wait").output.count == 3)
                try await Self.ip("-n \(host) link set far down")
                try await eventually("it is out") { try await fleet.memberNames() == ["near"] }
                #expect(near.isRunning && far.isRunning)
                #expect(try await fleet.muster("send", "MEANWHILE", "--wait").output.count == 2)
                try await Self.ip("-n \(host) link set far up")
                try await eventually("it is back, last") { try await fleet.memberNames() == ["near", "far"] }
                #expect(try await fleet.muster("send", "AGAIN", "--wait").exitCode == 0)
                try await eventually("it heard what was sent to it") {
                    far.transcript.output.filter { $0.hasPrefix("received ") }
                        == ["received HELLO from the operator", "received AGAIN from the operator"]
                }
            }
        }
    }
}
