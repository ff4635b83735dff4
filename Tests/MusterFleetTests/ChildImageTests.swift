import Glibc
import MusterAPI
import MusterCore
import MusterTestKit
import Testing

/// `--child-image`: images that know nothing of Muster, and some that mean no good, on a real engine.
@Suite(.timeLimit(.minutes(10)), .enabled(if: Docker.isThere, Docker.reason)) struct ChildImageTests {
    private func run(
        _ script: String, _ flags: [String] = [], _ check: (Fleet, NumbersProgress) async throws -> Void
    ) async throws {
        try await Docker.withImage(script) { image in
            try await Fleet.runContainers(flags: ["--range", "1000", "--child-image", image] + flags) { fleet in
                _ = try await fleet.createChildren()
                try await check(fleet, fleet.childrensEnd(within: .seconds(300)))
            }
        }
    }

    @Test func linesThatAreNoNumberAreRejected() async throws {
        try await run(#"printf '7\n8\n8\n0\n-3\n1.5\nNaN\n1001\n99999999999999999999\nseven\n\n 9 \n10'"#) {
            fleet, progress in
            #expect((progress.received, progress.unique, progress.rejected) == (5, 4, 7))
            let child = try #require(try await fleet.children().first)
            #expect((child.state, child.received, child.rejected) == (.done, 5, 7))
        }
    }

    @Test func nothingIsNoNumber() async throws {
        try await run("echo 5 >&2") { _, progress in
            #expect((progress.received, progress.rejected, progress.childrenDone) == (0, 0, 1))
        }
    }

    /// It also does not hear SIGTERM.
    @Test func aSilentOneIsEndedInTime() async throws {
        try await run("trap '' TERM INT; echo 5; while :; do sleep 1; done", ["--child-seconds", "3"]) { _, progress in
            #expect((progress.received, progress.childrenDone) == (1, 1))
        }
    }

    /// Of a gibibyte; on Podman 4.3, which cuts a container's log while it is followed, so that its beginning may be lost, of what
    /// that log holds.
    @Test func aHugeLineIsOneRejectedLine() async throws {
        let (bytes, received) = Docker.isPodman ? (8 << 20, 2) : (1 << 30, 1)
        try await run("echo 1; head -c \(bytes) /dev/zero | tr '\\0' 7; echo; echo 2") { _, progress in
            #expect((progress.received, progress.rejected, progress.childrenDone) == (received, 1, 1))
        }
    }

    @Test(arguments: [("while :; do echo 5; done", true), ("yes junk", false)])
    func anEndlessOneIsBounded(_ script: String, _ counts: Bool) async throws {
        try await run(script, ["--child-seconds", "5"]) { _, progress in
            #expect(progress.received <= 1_000_000 && progress.rejected <= 1_000_000)
            #expect((progress.received > 0) == counts)
            #expect(progress.childrenDone == 1)
        }
    }

    @Test(arguments: [
        ("echo 1; echo woe >&2; exit 3", [String](), ["exit code 3", "woe"]),
        (
            "echo 1; exec tail /dev/zero", ["--container-memory", "16777216"],
            ["signal 9", "out of memory at 16777216"]
        ),
        ("echo 1; kill -9 $$", [], ["137"]),
    ])
    func aFailingOneIsTriedAgainAndGivenUp(_ script: String, _ flags: [String], _ reasons: [String]) async throws {
        try await run(script, flags) { fleet, progress in
            #expect((progress.received, progress.childrenFailed, progress.childrenDied) == (0, 1, 8))
            let child = try #require(try await fleet.children().first)
            let said = child.reason.replacing("signal 9", with: "signal 9 (137)")
            for reason in reasons { #expect(said.contains(reason), "\(child.reason)") }
        }
    }

    /// Its processes, its memory, its disk and its network end at its own walls.
    @Test(arguments: [
        "f() { f | f & }; (f) 2>/dev/null; sleep 1; echo 5",
        "dd if=/dev/zero of=/tmp/full bs=1M 2>/dev/null; dd if=/dev/zero of=/full bs=1M 2>/dev/null; echo 5",
        "ls /sys/class/net | grep -qv lo || echo 5", "touch /etc/x 2>/dev/null || echo 5",
    ])
    func whatItTakesIsBounded(_ script: String) async throws {
        try await run(script, ["--container-pids", "64", "--child-seconds", "20"]) { _, progress in
            #expect((progress.received, progress.childrenDone) == (1, 1))
        }
    }

    @Test func killedContainersAreDoneAgain() async throws {
        try await Docker.withImage("seq 1 20; sleep 1") { image in
            try await Fleet.runContainers(flags: ["--child-image", image, "--children-max", "4"]) { fleet in
                _ = try await fleet.createChildren(8)
                let victims = try await eventually("some run") {
                    let running = try await fleet.containers(all: false)
                    return running.count >= 2 ? running : nil
                }
                for victim in victims.prefix(2) { _ = try? await Docker.run(["kill", victim]) }
                let progress = try await fleet.childrensEnd(within: .seconds(120))
                #expect((progress.received, progress.unique, progress.childrenDone) == (160, 20, 8))
            }
        }
    }

    /// All of them are adopted, those that ended meanwhile too: no number is lost, none counted twice.
    @Test func fiftyChildrenOutliveTheirCoordinator() async throws {
        let script = "seq 1 10; sleep $(( 25 + $(od -An -N1 -tu1 /dev/urandom) % 10 )); seq 11 20"
        try await Docker.withImage(script) { image in
            try await Fleet.runContainers(flags: ["--child-image", image, "--children-max", "50"]) { fleet in
                _ = try await fleet.createChildren(50)
                let before = try await eventually("50 run", within: .seconds(120)) {
                    let running = try await fleet.containers(all: false)
                    return running.count + (try await fleet.progress()).childrenDone >= 50 ? Set(running) : nil
                }
                await fleet.coordinator.kill()
                try await fleet.startCoordinator()
                #expect(Set(try await fleet.containers(all: false)).isSubset(of: before))
                try await Task.sleep(for: .seconds(3))
                await fleet.coordinator.kill()
                try await eventually("some end while nobody looks", within: .seconds(60)) {
                    try await fleet.containers(all: false).count < 40
                }
                try await fleet.startCoordinator()
                let progress = try await fleet.childrensEnd(within: .seconds(120))
                #expect((progress.received, progress.unique, progress.childrenDied) == (1_000, 20, 0))
                #expect(try await fleet.children().allSatisfy { $0.state == .done && $0.attempts == 1 })
            }
        }
    }

    /// A coordinator that ends by itself leaves none, not even those that do not hear SIGTERM.
    @Test func anEndingCoordinatorLeavesNone() async throws {
        try await Docker.withImage("trap '' TERM; while :; do sleep 1; done") { image in
            try await Fleet.runContainers(flags: ["--child-image", image]) { fleet in
                _ = try await fleet.createChildren(3)
                try await eventually("they run") { try await fleet.containers(all: false).count == 3 }
                fleet.coordinator.terminate()
                #expect(try await fleet.coordinator.exitCode() == 0)
            }
        }
    }
}
