package import MusterAPI
internal import MusterWire

/// The routes of an origin's files, which are named by their SHA-256.
package enum FileRoutes {
    typealias Spec = OriginRoutes.Spec

    /// Bytes of a file, unless `--file-bytes-max` says otherwise.
    package static let fileBytesMaxDefault = 16 << 30
    /// Bytes of all files, unless `--files-bytes` says otherwise.
    package static let filesBytesDefault = 64 << 30
    /// The type of a part of an upload (draft-ietf-httpbis-resumable-upload).
    package static let partialUpload = "application/partial-upload"
    /// By which an origin tells the fleet's edges alone what they may keep (RFC 9213): they ask for a token before they answer with a
    /// file, as other caches do not.
    package static let cachingField = "Muster-Cache-Control"
    /// A list of names.
    private static let namesBytesMax = 1 << 20

    static let all: [Spec] = single + uploads + sets

    private static let name = ["sha256": Schema.digest]
    private static let upload = ["upload": Schema.text(32...32, pattern: "^[0-9a-f]{32}$")]

    /// The file that a target names, escaped or not, as an origin reads it: whoever passes requests on tells by this whether a token
    /// is wanted. `path`: unescaped segments.
    package static func file(path: [String]) -> FileDigest? {
        path.count == 2 && path[0] == "files" ? FileDigest(hex: path[1]) : nil
    }

    private static let single: [Spec] = [
        Spec(
            name: .file, method: "GET", pattern: "/files/{sha256}", access: .file,
            summary: "A file's bytes, whole or one range of them.", fields: [.range, .ifRange, .ifMatch, .ifNoneMatch],
            answerType: "*/*", otherStatuses: [206, 304], parameterSchemas: name),
        Spec(
            name: .putFile, method: "PUT", pattern: "/files/{sha256}", access: .join,
            summary:
                "Store a file under the SHA-256 of its bytes; answered when it is durable: 201, or 200 where it is here"
                + " already. With Upload-Complete: ?0 it begins an upload, whose place Location tells.",
            fields: [.uploadComplete, .uploadLength], bodyBytesMax: fileBytesMaxDefault, status: 201,
            answer: .of(FileStatus.self), otherStatuses: [200], readsBytes: true, parameterSchemas: name),
        Spec(
            name: .deleteFile, method: "DELETE", pattern: "/files/{sha256}", access: .admin,
            summary: "Remove a file, whoever wanted it kept.", status: 204, parameterSchemas: name),
    ]

    private static let uploads: [Spec] = [
        Spec(
            name: .fileUpload, method: "HEAD", pattern: "/files/uploads/{upload}", access: .join,
            summary: "How far an upload has come: Upload-Offset.", status: 204, parameterSchemas: upload),
        Spec(
            name: .appendFile, method: "PATCH", pattern: "/files/uploads/{upload}", access: .join,
            summary:
                "Go on with an upload from Upload-Offset: 204, or with Upload-Complete: ?1 what PUT would have answered.",
            fields: [
                .header("Upload-Offset", .integer, "Where the body begins: as HEAD tells."), .uploadComplete,
                .uploadLength,
            ],
            bodyBytesMax: fileBytesMaxDefault, status: 201, answer: .of(FileStatus.self), otherStatuses: [200, 204],
            readsBytes: true, bytesType: partialUpload, parameterSchemas: upload),
        Spec(
            name: .dropUpload, method: "DELETE", pattern: "/files/uploads/{upload}", access: .join,
            summary: "Give an upload up.", status: 204, parameterSchemas: upload),
    ]

    private static let sets: [Spec] = [
        Spec(
            name: .storeFiles, method: "POST", pattern: "/files", access: .join,
            summary:
                "Store many small files at once: each a line, SHA256 SIZE, and behind it so many bytes.",
            fields: [
                .query(
                    "seconds", .integer(1...KeepFiles.secondsMax),
                    "Keep them all for so long, as POST /files/keep does.")
            ],
            bodyBytesMax: FileSet.bodyBytesMax, answer: .of(StoredFiles.self), readsBytes: true,
            bytesType: FileSet.contentType),
        Spec(
            name: .missingFiles, method: "POST", pattern: "/files/missing", access: .file,
            summary: "Which of these files are not here.", fields: .of(FileNames.self), bodyBytesMax: namesBytesMax,
            answer: .of(MissingFiles.self)),
        Spec(
            name: .keepFiles, method: "POST", pattern: "/files/keep", access: .join,
            summary: "Keep files for some time from now on. What nobody keeps is dropped.",
            fields: .of(KeepFiles.self), bodyBytesMax: namesBytesMax, answer: .of(KeptFiles.self)),
        Spec(
            name: .fetchFiles, method: "POST", pattern: "/files/batch", access: .file,
            summary:
                "Many small files at once, in the order asked for: as they are stored; a line SHA256 - is for one that"
                + " is not here, SHA256 > for one that is too large for this.",
            fields: .of(FileNames.self), bodyBytesMax: namesBytesMax, answerType: FileSet.contentType),
    ]
}
