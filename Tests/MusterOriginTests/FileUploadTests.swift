import Glibc
import MusterServerKit
import MusterSystem
import MusterWire
import Testing

@testable import MusterOrigin

/// Files that come in several requests.
@Suite struct FileUploadTests {
    @Test func inThreeParts() async throws {
        try await withOrigin { (origin) throws in
            let bytes = noise(1_000_000)
            let name = digest(of: bytes)
            let place = try origin.beginUpload(name, length: bytes.count)
            let first = try origin.append(place, at: 0, Array(bytes[..<400_000]), isWhole: false)
            #expect(first.status == 204 && first["upload-offset"] == "400000" && first["upload-length"] == "1000000")
            #expect(first["upload-limit"] == "max-size=17179869184, max-age=3600")
            let second = try origin.append(place, at: 400_000, Array(bytes[400_000..<400_001]), isWhole: false)
            #expect(second.status == 204)
            #expect(try origin.offset(place) == 400_001 && origin.getFile(name).status == 404)
            let last = try origin.append(place, at: 400_001, Array(bytes[400_001...]), isWhole: true)
            #expect(last.status == 201 && last["upload-complete"] == "?1" && last["location"] == "/files/\(name)")
            #expect(try origin.getFile(name).body == bytes)
            #expect(try origin.offset(place) == nil && origin.uploads.isEmpty)
        }
    }

    /// What came stays; HEAD tells how much, and it goes on from there.
    @Test func aBrokenConnectionIsGoneOnFrom() async throws {
        try await withOrigin { (origin) throws in
            let bytes = noise(2_000_000)
            let place = try origin.beginUpload(digest(of: bytes))
            let client = RawClient(port: origin.origin.port)
            client.send(
                Array(
                    ("PATCH \(place) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\nUpload-Offset: 0\r\n"
                        + "Upload-Complete: ?1\r\nContent-Type: application/partial-upload\r\n"
                        + "Content-Length: 2000000\r\n\r\n").utf8) + bytes.prefix(900_000))
            // All that fills a piece is written at once, the rest when the client is gone.
            while try origin.ask("GET", "/metrics").text.contains("muster_file_uploads 0\n") { usleep(1_000) }
            client.halfClose()
            while !(try origin.ask("GET", "/metrics").text.contains("muster_file_uploads 0\n")) { usleep(1_000) }
            let offset = try #require(try origin.offset(place))
            #expect(offset == 900_000)
            let rest = try origin.append(place, at: offset, Array(bytes[offset...]), isWhole: true)
            #expect(rest.status == 201, "\(rest.text)")
            #expect(try origin.getFile(digest(of: bytes)).body == bytes)
        }
    }

    @Test func aRestartGoesOnToo() async throws {
        let origin = try await TestOrigin { _ in }
        let bytes = noise(700_000)
        let place = try await onThread { () throws in
            let place = try origin.beginUpload(digest(of: bytes), Array(bytes[..<300_000]))
            #expect(try origin.putFile(noise(5)).status == 201)
            return place
        }
        try await origin.restart()
        try await onThread { () throws in
            #expect(try origin.offset(place) == 300_000)
            #expect(try origin.getFile(digest(of: noise(5))).body == noise(5))
            let rest = try origin.append(place, at: 300_000, Array(bytes[300_000...]), isWhole: true)
            #expect(rest.status == 201, "\(rest.text)")
            #expect(try origin.getFile(digest(of: bytes)).body == bytes)
        }
        await origin.stop()
    }

    @Test func wrongOffsetsAndBytes() async throws {
        try await withOrigin { (origin) throws in
            let bytes = noise(1_000)
            let name = digest(of: bytes)
            let place = try origin.beginUpload(name, Array(bytes[..<600]))
            for offset in [0, 599, 601] {
                let answer = try origin.append(place, at: offset, [1], isWhole: false)
                _ = try detail(answer, is: 409)
                #expect(answer.text.contains("mismatching-upload-offset") && answer["upload-offset"] == "600")
            }
            _ = try detail(
                try origin.append(place, at: 600, [1], isWhole: true, [("Content-Type", "text/plain")]), is: 415)
            #expect(try origin.ask("PATCH", place, body: [1]).status == 415)
            _ = try detail(
                try origin.ask("PATCH", place, body: [1], headers: [("Content-Type", "application/partial-upload")]),
                is: 400)
            #expect(try origin.offset(place) == 600)
            let wrong = try origin.append(place, at: 600, noise(400), isWhole: true)
            _ = try detail(wrong, is: 422)
            #expect(wrong["upload-complete"] == "?1")
            #expect(try origin.offset(place) == nil && origin.getFile(name).status == 404 && origin.uploads.isEmpty)
            #expect(try origin.ask("GET", "/metrics").text.contains("muster_file_uploads_unfinished 0\n"))
        }
    }

    @Test func aLengthThatWasSaidHolds() async throws {
        try await withOrigin {
            $0.filesBytesMax = 1_000
        } body: { (origin) throws in
            let bytes = noise(700)
            let place = try origin.beginUpload(digest(of: bytes), length: 700)
            // Its room is its own.
            _ = try detail(try origin.putFile(noise(301)), is: 507)
            let more = try origin.append(place, at: 0, noise(701), isWhole: false)
            _ = try detail(more, is: 422)
            let other = try origin.append(place, at: 0, noise(699), isWhole: true)
            #expect(other.text.contains("inconsistent-upload-length"))
            #expect(try origin.append(place, at: 0, bytes, isWhole: true).status == 201)
            #expect(try origin.putFile(noise(300)).status == 201)
        }
    }

    @Test func twoOfOneNameDoNotDisturbEachOther() async throws {
        try await withOrigin { (origin) throws in
            let bytes = noise(1_000)
            let (one, two) = (try origin.beginUpload(digest(of: bytes)), try origin.beginUpload(digest(of: bytes)))
            #expect(one != two)
            #expect(try origin.append(one, at: 0, Array(bytes[..<300]), isWhole: false).status == 204)
            #expect(try origin.append(two, at: 0, Array(bytes[..<700]), isWhole: false).status == 204)
            #expect(try origin.append(two, at: 700, Array(bytes[700...]), isWhole: true).status == 201)
            #expect(try origin.append(one, at: 300, Array(bytes[300...]), isWhole: true).status == 200)
            #expect(try origin.getFile(digest(of: bytes)).body == bytes && origin.uploads.isEmpty)
        }
    }

    @Test func oneThatIsGivenUpIsGone() async throws {
        try await withOrigin { (origin) throws in
            let place = try origin.beginUpload(digest(of: noise(9)), noise(5))
            #expect(origin.uploads.count == 1)
            #expect(try origin.ask("DELETE", place).status == 204)
            #expect(try origin.ask("DELETE", place).status == 404)
            #expect(try origin.offset(place) == nil && origin.uploads.isEmpty)
        }
    }
}
