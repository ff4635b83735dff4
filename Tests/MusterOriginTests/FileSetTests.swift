import Glibc
import MusterAPI
import MusterServerKit
import MusterSystem
import MusterWire
import Testing

@testable import MusterOrigin

/// Many files in one request.
@Suite struct FileSetTests {
    private static func names(_ digests: [FileDigest]) -> [UInt8] { FileNames(digests).body }

    private static func missing(_ origin: TestOrigin, _ digests: [FileDigest]) throws -> [FileDigest] {
        try MissingFiles(body: origin.ask("POST", "/files/missing", body: names(digests)).body).missing
    }

    private static func items(of answer: RawResponse) throws -> [FileSet.Item] {
        #expect(answer.status == 200 && answer["content-type"] == FileSet.contentType)
        var reader = FileSetReader(isAnswer: true)
        let items = try reader.read(answer.body)
        try reader.finish()
        return items
    }

    /// In one request, new ones and those that were here; for no time that nobody may ask for.
    @Test func aSetIsKeptForAsLongAsItsSenderSays() async throws {
        try await withOrigin { (origin) throws in
            let files = (0..<12).map { Array("file \($0)".utf8) }
            #expect(try origin.putFile(files[3]).status == 201)
            #expect(try origin.ask("POST", "/files?seconds=86400", body: fileSet(files)).status == 200)
            for file in files {
                let name = digest(of: file).description
                var status = stat()
                #expect(stat("\(origin.files)/\(name.prefix(2))/\(name.dropFirst(2))", &status) == 0)
                let left = Int64(status.st_mtim.tv_sec) - SystemTime.wallClockMs() / 1_000
                #expect((86_300...86_401).contains(left), "\(left)")
            }
            for query in ["seconds=0", "seconds=2592001", "seconds=x", "days=1"] {
                #expect(try origin.ask("POST", "/files?\(query)", body: fileSet(files)).status == 422)
            }
        }
    }

    @Test(arguments: [1, 8, 9, 3_000]) func inAndOut(_ count: Int) async throws {
        try await withOrigin { (origin) throws in
            let files = (0..<count).map { Array("file \($0)".utf8) + noise($0) }
            let digests = files.map(digest)
            #expect(try Self.missing(origin, digests) == digests)
            if count > 2 { #expect(try origin.putFile(files[2]).status == 201) }
            let put = try origin.ask("POST", "/files", body: fileSet(files + [files[0]]))
            let known = count > 2 ? 1 : 0
            #expect(try StoredFiles(body: put.body) == StoredFiles(stored: count - known, known: known), "\(put.text)")
            let stranger = digest(of: Array("x".utf8))
            #expect(try Self.missing(origin, digests + [stranger, stranger]) == [stranger])
            let got = try origin.ask("POST", "/files/batch", body: Self.names(digests + [stranger, digests[0]]))
            #expect(
                try Self.items(of: got) == zip(digests, files).map { .file($0, $1) } + [
                    .missing(stranger), .file(digests[0], files[0]),
                ])
            #expect(origin.unfinished.isEmpty)
        }
    }

    @Test func largeOnesGoByThemselves() async throws {
        try await withOrigin { (origin) throws in
            let large = noise(FileSet.fileBytesMax + 1)
            let fits = noise(FileSet.fileBytesMax)
            #expect(try origin.putFile(large).status == 201)
            let refused = try origin.ask("POST", "/files", body: fileSet([[1], large]))
            #expect(try detail(refused, is: 422).contains("behind 2 files"))
            #expect(try origin.ask("POST", "/files", body: fileSet([fits])).status == 200)
            let got = try origin.ask("POST", "/files/batch", body: Self.names([digest(of: large), digest(of: fits)]))
            #expect(try Self.items(of: got) == [.tooLarge(digest(of: large)), .file(digest(of: fits), fits)])
        }
    }

    /// All or none.
    @Test func oneWrongFileRefusesAll() async throws {
        try await withOrigin { (origin) throws in
            let good = noise(5_000)
            let bad = FileSet.line(digest(of: [1]), size: 1) + [2]
            for body in [
                fileSet([good]) + bad, fileSet([good]).dropLast(), fileSet([good]) + Array("x\n".utf8),
                fileSet([good]) + [0x0A],
            ] {
                let answer = try origin.ask("POST", "/files", body: Array(body))
                _ = try detail(answer, is: 422)
            }
            #expect(try origin.getFile(digest(of: good)).status == 404 && origin.unfinished.isEmpty)
            #expect(try origin.ask("GET", "/metrics").text.contains("muster_file_bytes 0\n"))
            #expect(try origin.ask("POST", "/files", body: []).status == 200)
        }
    }

    @Test func setsThatDoNotFitAreRefused() async throws {
        try await withOrigin {
            $0.filesBytesMax = 1_000
        } body: { (origin) throws in
            _ = try detail(try origin.ask("POST", "/files", body: fileSet([noise(600), noise(601)])), is: 507)
            #expect(try origin.ask("POST", "/files", body: fileSet([noise(600), noise(400)])).status == 200)
            #expect(origin.unfinished.isEmpty)
        }
    }

    @Test(arguments: [
        "", "[]", "{}", "{\"files\":1}", "{\"files\":[1]}", "{\"files\":[\"\"]}", "{\"files\":[],\"x\":1}",
    ])
    func listsAreChecked(_ body: String) async throws {
        try await withOrigin { (origin) throws in
            for path in ["missing", "keep", "batch"] {
                let answer = try origin.ask("POST", "/files/\(path)", body: Array(body.utf8))
                #expect([400, 422].contains(answer.status))
            }
        }
    }
}
