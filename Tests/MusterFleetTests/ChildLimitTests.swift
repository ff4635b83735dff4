import Glibc
import MusterAPI
import MusterHTTPClient
import MusterTestKit
import MusterWire
import Testing

/// Orders that are nonsense, and machines that are short of something.
@Suite(.timeLimit(.minutes(5))) struct ChildLimitTests {
    @Test(arguments: [
        (#"{"count":0}"#, 422, "0"), (#"{"count":-1}"#, 422, "-1"), (#"{"count":1000000000}"#, 422, "1000000000"),
        (#"{"count":"5"}"#, 422, "5"), (#"{"count":1.5}"#, 422, "1.5"), (#"{"count":1,"count":2}"#, 422, "count"),
        (#"{"count":1,"speed":2}"#, 422, "speed"), (#"{"numbers":0}"#, 422, "numbers"), ("[]", 422, ""),
        ("{", 400, ""), ("5", 422, ""),
    ])
    func nonsenseMakesNoChild(_ body: String, _ status: Int, _ named: String) async throws {
        try await Fleet.run { fleet in
            for path in ["/create-child", "/v1/children"] {
                let answer = try await fleet.call("POST", path, Array(body.utf8))
                #expect(answer.status == status)
                let detail = String(decoding: answer.body, as: UTF8.self)
                #expect(detail.contains(named), "\(detail)")
            }
            #expect(try await fleet.children().isEmpty)
        }
    }

    /// An empty body is one child.
    @Test func anEmptyBodyIsOneChild() async throws {
        try await Fleet.run { fleet in
            _ = try await fleet.demand("POST", "/create-child", [], status: 202)
            #expect(try await fleet.childrensEnd().received == 1_000)
        }
    }

    @Test func aGibibyteIsRefusedAtOnce() async throws {
        try await Fleet.run { fleet in
            var request = HTTPClientRequest("POST", fleet.url + "/create-child", timeout: .seconds(60))
            request.headers = [("Authorization", "Bearer " + fleet.token)]
            request.body = [UInt8](repeating: 32, count: 1 << 30)
            // Refused by its announced length; whether the client hears that or a broken connection is its own affair.
            let answer = try? await fleet.http.send(request)
            #expect(answer == nil || answer?.status == 413)
            let children = try await fleet.children()
            #expect(children.isEmpty)
            let made = try await fleet.createChildren()
            #expect(made.count == 1)
        }
    }

    /// Where descriptors or processes run out, orders wait; none is lost.
    @Test(arguments: ["ulimit -n 256", "ulimit -n 128"])
    func fewDescriptorsOnlyDelay(_ limits: String) async throws {
        let flags = ["--children-max", "100", "--child-command", "sleep 0.2; seq 1 5"]
        try await Fleet.run(flags: flags, limits: limits) { fleet in
            _ = try await fleet.createChildren(150)
            let progress = try await fleet.childrensEnd(within: .seconds(120))
            #expect((progress.received, progress.childrenDone, progress.childrenFailed) == (750, 150, 0))
        }
    }

    /// A limit on processes does not hold for root, so the coordinator is somebody else here.
    @Test(.enabled(if: geteuid() == 0, "needs root to become another user"))
    func aForkLimitOnlyDelays() async throws {
        let other: UInt32 = 64_321
        let flags = ["--children-max", "60", "--child-command", "sleep 0.2; seq 1 5"]
        let limits =
            "cp \"$1\" muster; shift; chown -R \(other) .;"
            + " set -- prlimit --nproc=200 setpriv --reuid=\(other) --regid=\(other) --clear-groups ./muster \"$@\""
        try await Fleet.run(flags: flags, limits: limits) { fleet in
            _ = try await fleet.createChildren(80)
            let progress = try await fleet.childrensEnd(within: .seconds(120))
            #expect((progress.received, progress.childrenDone, progress.childrenFailed) == (400, 80, 0))
        }
    }
}
