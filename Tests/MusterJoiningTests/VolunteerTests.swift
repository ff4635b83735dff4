import MusterAPI
import MusterCore
import MusterCrypto
import MusterSystem
import Testing

@testable import MusterJoining
@testable import MusterRole

@Suite struct VolunteerTests {
    @Test(arguments: ["hub", "hub.example:8080", "10.0.0.1:80", "[::1]:8080", "[fe80::1]", "a_b-c.d"])
    func aHostMakesAURL(_ host: String) {
        #expect(PublicURL.of(host: host, isTLS: false) == "http://" + host)
        #expect(PublicURL.of(host: host, isTLS: true) == "https://" + host)
    }

    @Test(arguments: [
        nil, "", "a'b", "a;reboot", "$(id)", "a b", "a/b", "user@host", "-o", "a:", "a:x", "a:123456", "[::1", "[]",
        "[::1]x",
        "h\u{F6}st", "a\nb", String(repeating: "a", count: 256),
    ])
    func otherHostsMakeNone(_ host: String?) {
        #expect(PublicURL.of(host: host, isTLS: false) == nil)
    }

    @Test(arguments: [
        ("10.0.0.1", "10-0-0-1"), ("::ffff:10.0.0.1", "10-0-0-1"), ("2001:db8:1:2:3:4:5:6", "2001_db8_1_2"),
        ("2001:db8:1:2:9::", "2001_db8_1_2"), ("2001:db8::6", "2001_db8_0_0"), ("::1", "0_0_0_0"),
        ("fe80::1%eth0", "fe80_0_0_0"), ("::", "0_0_0_0"),
    ])
    func addressesOfOneHousehold(_ address: String, _ name: String) {
        #expect(AddressCircle.name(of: address) == name)
    }

    @Test func fetchesAreLimitedByAddressAndInAll() {
        var limit = FetchLimit()
        for _ in 0..<FetchLimit.perAddressMax { #expect(limit.take("a", nowMs: 60_000) == nil) }
        #expect(limit.take("a", nowMs: 61_000) == 9)
        for number in 0..<FetchLimit.inAllMax - FetchLimit.perAddressMax {
            #expect(limit.take("\(number)", nowMs: 62_000) == nil)
        }
        #expect(limit.take("b", nowMs: 69_999) == 1)
        #expect(limit.take("a", nowMs: 70_000) == nil)
    }

    @Test func theScriptHasItsValuesAndNothingElseIsTouched() {
        let text = InstallScript.text(url: "http://hub:1", token: "i1.2.3", version: "9")
        let lines = text.split(separator: "\n")
        #expect(lines.contains("url='http://hub:1'"))
        #expect(lines.contains("token='i1.2.3'"))
        #expect(lines.contains("version='9'"))
        #expect(text.hasPrefix("#!/bin/sh\n") && text.hasSuffix("main \"$@\"\n"))
        #expect(!text.contains("='@"))
    }

    @Test func anArchivesHeaderIsOfTheStandard() {
        let header = TarFile.header(name: "a/b", size: 8, mode: 0o755)
        #expect(header.count == 512)
        #expect(String(decoding: header[..<3], as: UTF8.self) == "a/b")
        #expect(String(decoding: header[100..<107], as: UTF8.self) == "0000755")
        #expect(String(decoding: header[124..<135], as: UTF8.self) == "00000000010")
        #expect(String(decoding: header[257..<262], as: UTF8.self) == "ustar")
        let sum = header.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
        #expect(Int(String(decoding: header[148..<154], as: UTF8.self), radix: 8) == sum)
        #expect(TarFile.padding(after: 512).isEmpty && TarFile.padding(after: 1).count == 511)
    }
}

@Suite struct InvitationTests {
    private let key = MessageKey.random()

    @Test func anInvitationIsKeptOnceSomebodyJoins() throws {
        let tokens = VolunteerTokens(key: key)
        let now = SystemTime.wallClockMs()
        let token = tokens.invite(nowMs: now, circle: "a")
        let number = try #require(tokens.number(of: token))
        #expect(tokens.number(of: token) == number)
        #expect(tokens.all(nowMs: now).map(\.id) == [number])
        let record = try #require(tokens.unstored(number))
        tokens.put(record)
        #expect(tokens.unstored(number) == nil && tokens.all(nowMs: now) == [record])
        // A coordinator that was started again knows it, and nobody gets its number.
        let later = VolunteerTokens(key: key, [record])
        #expect(later.number(of: token) == number)
        #expect(later.number(of: later.invite(nowMs: now, circle: "a")) != number)
    }

    @Test func anUnusedOneSurvivesARestartButNotAnHour() {
        let now = SystemTime.wallClockMs()
        let token = VolunteerTokens(key: key).invite(nowMs: now, circle: "a")
        #expect(VolunteerTokens(key: key).number(of: token) != nil)
        let old = VolunteerTokens(key: key).invite(nowMs: now - VolunteerTokens.invitationMs, circle: "a")
        #expect(VolunteerTokens(key: key).number(of: old) == nil)
    }

    @Test func aRevokedOneIsGoodForNothing() throws {
        let tokens = VolunteerTokens(key: key)
        let token = tokens.invite(nowMs: SystemTime.wallClockMs(), circle: "a")
        var record = try #require(tokens.number(of: token).flatMap { tokens.unstored($0) })
        record.revokedMs = record.createdMs
        tokens.put(record)
        #expect(tokens.number(of: token) == nil)
        #expect(VolunteerTokens(key: key, [record]).number(of: token) == nil)
    }

    @Test(arguments: ["i", "i.", "i1.2", "i1.2.3", "i99999999999999.00.00", "ix.y.z"])
    func nobodyElseCanMakeOne(_ token: String) {
        #expect(VolunteerTokens(key: key).number(of: token) == nil)
    }
}
