import MusterAPI
import MusterCrypto
import MusterServerKit
import MusterSystem
import MusterWire
import Testing

@testable import MusterOrigin

/// The name of a file of these bytes.
func digest(of bytes: [UInt8]) -> FileDigest { FileDigest(bytes: SHA256.digest(of: bytes)) }

extension TestOrigin {
    var files: String { folder + "/files" }

    func putFile(
        _ bytes: [UInt8], as name: FileDigest? = nil, token: String? = "admin",
        _ headers: [(name: String, value: String)] = []
    ) throws -> RawResponse {
        try ask("PUT", "/files/\(name ?? digest(of: bytes))", token: token, body: bytes, headers: headers)
    }

    func getFile(
        _ name: FileDigest, token: String? = "admin", _ headers: [(name: String, value: String)] = []
    ) throws -> RawResponse {
        try ask("GET", "/files/\(name)", token: token, headers: headers)
    }

    /// What is on its way in, or was left.
    var unfinished: [String] { listDirectory(files + "/.coming") }
    var uploads: [String] { listDirectory(files + "/.uploads") }

    /// Begins an upload that may be gone on with; its place.
    func beginUpload(_ name: FileDigest, _ bytes: [UInt8] = [], length: Int? = nil) throws -> String {
        let said = length.map { [(name: "Upload-Length", value: "\($0)")] } ?? []
        let begun = try putFile(bytes, as: name, [("Upload-Complete", "?0")] + said)
        #expect(begun.status == 201, "\(begun.text)")
        #expect(begun["upload-offset"] == "\(bytes.count)" && begun["upload-complete"] == "?0")
        return try #require(begun["location"])
    }

    func append(
        _ place: String, at offset: Int, _ bytes: [UInt8], isWhole: Bool,
        _ headers: [(name: String, value: String)] = [("Content-Type", "application/partial-upload")]
    ) throws -> RawResponse {
        try ask(
            "PATCH", place, body: bytes,
            headers: [("Upload-Offset", "\(offset)"), ("Upload-Complete", isWhole ? "?1" : "?0")] + headers)
    }

    func offset(_ place: String) throws -> Int? {
        let answer = try ask("HEAD", place)
        return answer.status == 204 ? answer["upload-offset"].flatMap { Int($0) } : nil
    }
}

/// A set of files as `POST /files` takes it.
func fileSet(_ files: [[UInt8]]) -> [UInt8] {
    files.reduce(into: []) { $0 += FileSet.line(digest(of: $1), size: $1.count) + $1 }
}
