import Glibc
import MusterLaunch
import MusterServerKit
import Synchronization
import Testing

@testable import MusterContainers

/// Engines that are missing, hang, or talk nonsense: a clear error in bounded time, and whether it is worth another try.
@Suite(.timeLimit(.minutes(1))) struct EngineClientTests {
    private func failure(_ address: EngineAddress, answerTime: Duration = .seconds(20)) async -> EngineError? {
        let client = EngineClient(address, answerTime: answerTime)
        defer { client.close() }
        do throws(EngineError) {
            _ = try await client.list(labels: ["a=b"])
            return nil
        } catch {
            return error
        }
    }

    @Test func aMissingSocketSaysHowToMountOne() async throws {
        let error = try #require(await failure(EngineAddress(path: "/tmp/no-such-folder/docker.sock")))
        #expect(error.code == .away && error.isRetryable)
        #expect(error.message.contains("/tmp/no-such-folder/docker.sock"))
        #expect(error.message.contains("-v /var/run/docker.sock:/var/run/docker.sock"))
    }

    @Test func aFolderInPlaceOfTheSocketIsNamed() async throws {
        let error = try #require(await failure(EngineAddress(path: "/tmp")))
        #expect(error.code == .away && error.message.contains("no socket"))
    }

    @Test func aSocketThatNobodyServesIsRetryable() async throws {
        let path: String
        do {
            let engine = FakeEngine { _ in nil }
            path = engine.path
            #expect(link(path, "/tmp/muster-dead-\(getpid()).sock") == 0)
        }
        let dead = "/tmp/muster-dead-\(getpid()).sock"
        defer { unlink(dead) }
        let error = try #require(await failure(EngineAddress(path: dead)))
        #expect(error.code == .away && error.isRetryable && error.message.contains(dead))
    }

    @Test func aHangingEngineIsGivenUp() async throws {
        let engine = FakeEngine { _ in nil }
        let error = try #require(await failure(engine.address, answerTime: .milliseconds(300)))
        #expect(error.code == .timeout && error.isRetryable)
        #expect(error.launchError.isRetryable && error.launchError.code == .unreachable)
    }

    @Test func oneThatHangsLaterIsGivenUpToo() async throws {
        let engine = FakeEngine { $0.contains("/version") ? FakeEngine.version("1.41") : nil }
        let error = try #require(await failure(engine.address, answerTime: .milliseconds(300)))
        #expect(error.code == .timeout && error.message.contains("/containers/json"))
    }

    @Test(arguments: [
        // Half of the JSON, in a whole answer; half of the answer; no HTTP at all; JSON of another kind; nothing.
        (FakeEngine.json(#"[{"Id":"12"#), "no JSON"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{\"Id\":", "broke off"),
        ("hello\r\n", ""), (FakeEngine.json("{}"), "no array"), ("", ""),
        (FakeEngine.json(#"{"message":"server is on fire"}"#, status: "500 Oh"), "server is on fire"),
    ])
    func nonsenseIsToldAsSuch(_ answer: String, _ words: String) async throws {
        let engine = FakeEngine { $0.contains("/version") ? FakeEngine.version("1.41") : answer }
        let error = try #require(await failure(engine.address))
        #expect(error.message.contains(words), "\(error.message)")
        #expect(error.isRetryable)
    }

    @Test func anAnswerWithoutEndIsCutOff() async throws {
        let body = "[\"" + String(repeating: "x", count: 5 << 20) + "\"]"
        let engine = FakeEngine { $0.contains("/version") ? FakeEngine.version("1.41") : FakeEngine.json(body) }
        let error = try #require(await failure(engine.address))
        #expect(error.code == .badAnswer && !error.isRetryable && error.message.contains("4194304"))
    }

    @Test(arguments: [
        ("1.41", "1.12", "/v1.41/"), ("1.47", "1.24", "/v1.47/"), ("1.60", "1.40", "/v1.47/"),
        ("1.40", "1.12", "/v1.40/"),
    ])
    func theLowerVersionIsSpoken(_ newest: String, _ oldest: String, _ path: String) async {
        let seen = Mutex<[String]>([])
        let engine = FakeEngine { line in
            seen.withLock { $0.append(line) }
            return line.contains("/version") ? FakeEngine.version(newest, oldest) : FakeEngine.json("[]")
        }
        #expect(await failure(engine.address) == nil)
        #expect(seen.withLock { $0.last?.contains(path) } == true)
    }

    @Test(arguments: [("1.39", "1.12"), ("1.70", "1.48")])
    func versionsWithoutOverlapAreRefused(_ newest: String, _ oldest: String) async throws {
        let engine = FakeEngine { _ in FakeEngine.version(newest, oldest) }
        let error = try #require(await failure(engine.address))
        #expect(!error.isRetryable && error.message.contains(newest) && error.message.contains("1.47"))
    }

    @Test(
        arguments: [
            (nil, nil, "/var/run/docker.sock"), (nil, "unix:///run/a.sock", "/run/a.sock"),
            ("/b.sock", "unix:///run/a.sock", "/b.sock"), ("/b.sock", "tcp://x:1", "/b.sock"),
            (nil, "", "/var/run/docker.sock"),
        ] as [(String?, String?, String)])
    func addresses(_ given: String?, _ host: String?, _ path: String) throws {
        #expect(try EngineAddress(given: given, dockerHost: host).path == path)
    }

    @Test func otherHostsAreRefused() throws {
        let error = try #require(throws: EngineError.self) {
            try EngineAddress(given: nil, dockerHost: "tcp://example:2375")
        }
        #expect(!error.isRetryable && error.message.contains("tcp://example:2375"))
    }
}
