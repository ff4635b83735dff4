internal import MusterJSON

@testable internal import MusterAPI
@testable internal import MusterCore
@testable internal import MusterScheduling
@testable internal import MusterWire

/// A strict reader of a body and the writer that belongs to it.
private struct WireForm: Sendable {
    let check: @Sendable ([UInt8]) throws -> Void

    /// What was read is written, and read again the same.
    init<Value: Equatable & SendableMetatype>(
        _ name: String, _ read: @escaping @Sendable ([UInt8]) throws -> Value,
        _ write: @escaping @Sendable (Value) -> [UInt8]
    ) {
        check = { bytes in
            guard let value = try? read(bytes) else { return }
            let written = write(value)
            guard let again = try? read(written) else {
                throw BrokenPromise(description: "\(name) is not read back from \(plainText(written))")
            }
            try promise(again == value, "\(name) is another when read back from \(plainText(written))")
        }
    }

    init(reads read: @escaping @Sendable ([UInt8]) throws -> Void) { check = { bytes in try? read(bytes) } }
}

extension FuzzTarget {
    /// A target for each file of `Wire`, which tries all of its readers.
    static let wire = [
        wire("wire-assign", [WireForm("AssignRequest", AssignRequest.init(body:), \.body)]),
        wire(
            "wire-children",
            [
                WireForm("ChildrenRequest", ChildrenRequest.init(body:), \.body),
                WireForm("NumbersReport", { try NumbersReport(body: $0, range: 1_000_000) }, \.body),
                WireForm("NumbersVerdict", NumbersVerdict.init(body:), \.body),
                WireForm("NumbersProgress", NumbersProgress.init(body:), \.body),
                WireForm(reads: { _ = try ListAnswer<ChildStatus>(body: $0) }),
            ]),
        wire(
            "wire-commands",
            [
                WireForm("CommandRequest", CommandRequest.init(body:), \.body),
                WireForm("CommandReceipt", CommandReceipt.init(body:), \.body),
                WireForm("CommandNotice", { try CommandNotice(data: plainText($0)) }, \.body.bytes),
                WireForm("RankNotice", { try RankNotice(data: plainText($0)) }, \.body.bytes),
                WireForm(reads: { _ = try ClassicMember(body: $0, withCommand: true) }),
                WireForm(reads: { _ = try ClassicMember(body: $0, withCommand: false) }),
            ]),
        wire(
            "wire-edges",
            [
                WireForm("EdgeLeadership", { try EdgeLeadership(consuming: JSONFields(body: $0)) }, \.body),
                WireForm("EdgeMessages", EdgeMessages.init(body:), \.body),
                WireForm("EdgeOrder", EdgeOrder.init(body:), \.body),
                WireForm("EdgeCopies", EdgeCopies.init(body:), \.body),
                WireForm("EdgePurges", EdgePurges.init(body:), \.body),
            ]),
        wire(
            "wire-images",
            [
                WireForm("ImageChanges", ImageChanges.init(body:), \.body),
                WireForm("ImageChange", { try ImageChange(fields: JSONFields(body: $0)) }, { written($0.write) }),
            ]),
        wire(
            "wire-files",
            [
                WireForm("FileStatus", FileStatus.init(body:), \.body),
                WireForm("FileNames", FileNames.init(body:), \.body),
                WireForm("MissingFiles", MissingFiles.init(body:), \.body),
                WireForm("KeepFiles", KeepFiles.init(body:), \.body),
                WireForm("KeptFiles", KeptFiles.init(body:), \.body),
                WireForm("StoredFiles", StoredFiles.init(body:), \.body),
            ]),
        FuzzTarget("file-digest") { bytes in
            guard let digest = FileDigest(hex: bytes) else { return }
            try promise(digest.hex == bytes, "\(plainText(bytes)) is not the name of file \(digest)")
            try promise(FileDigest(bytes: digest.bytes) == digest, "\(digest) is not read back from its bytes")
        },
        FuzzTarget("file-set", readFileSet),
        FuzzTarget("image-id") { bytes in
            let text = plainText(bytes)
            guard let id = try? ImageID(text: text) else { return }
            try promise(
                id.rawValue >= 0 && "\(id)".utf8.elementsEqual(text.utf8), "\(text) is not the name of image \(id)")
        },
        wire(
            "wire-jobs",
            [
                WireForm("JobRequest", JobRequest.init(body:), \.body),
                WireForm("JobStatus", { try JobStatus(JSONValue(parsing: $0)) }, { written($0.write) }),
                WireForm("TaskStatus", { try TaskStatus(JSONValue(parsing: $0)) }, { written($0.write) }),
            ]),
        wire(
            "wire-leases",
            [
                WireForm("LeaseRequest", LeaseRequest.init(body:), \.body),
                WireForm("LeaseAnswer", { try LeaseAnswer(body: $0, for: member) }, \.body),
                WireForm("Heartbeat", { try Heartbeat(body: $0, member: member) }, \.body),
                WireForm("Revocation", { try Revocation(body: $0, member: member) }, \.body),
                WireForm("OutputDelivery", OutputDelivery.init(body:), \.body),
                WireForm("FollowedJobs", FollowedJobs.init(body:), \.body),
            ]),
        wire(
            "wire-members",
            [
                WireForm("JoinRequest", JoinRequest.init(body:), \.body),
                WireForm("JoinReply", JoinReply.init(body:), \.body),
                WireForm("JoinOffer", JoinOffer.init(body:), \.body),
                WireForm("TokenRequest", TokenRequest.init(body:), \.body),
                WireForm("SignInLink", SignInLink.init(body:), \.body),
            ]),
        FuzzTarget("wire-reports", readReports),
        FuzzTarget("member-message", readMessage),
        wire("wire-verdicts", [WireForm("verdicts", ReportWire.verdicts(in:), ReportWire.reply)]),
        FuzzTarget("repr-digest") { bytes in
            guard let digest = ReprDigest.sha256(inField: plainText(bytes)) else { return }
            try promise(digest.count == 32, "a digest of \(digest.count) bytes")
            try promise(
                ReprDigest.sha256(inField: ReprDigest.field(sha256: digest)) == digest, "a digest is not read back")
        },
    ]

    /// Whatever a member says, said again it is the same.
    private static func readMessage(_ bytes: [UInt8]) throws {
        for isBinary in [false, true] {
            guard let message = try? MemberMessage(bytes, isBinary: isBinary, of: member) else { continue }
            let again: (bytes: [UInt8], isBinary: Bool)
            switch message {
            case .beat(let beat): again = beat.message
            case .ask(let request, let number):
                var ask = NumberedAsk(request)
                ask.number = number
                again = ask.message
            case .delivery(let reports, let number):
                var delivery = NumberedDelivery(reports.map(ReportWire.text(of:)))
                delivery.number = number
                again = delivery.message
            }
            let readBack = try? MemberMessage(again.bytes, isBinary: again.isBinary, of: member)
            try promise(readBack == message, "a message is another one when said again: \(plainText(again.bytes))")
        }
    }

    private static let member = MemberID(7)

    private static func wire(_ name: String, _ forms: [WireForm]) -> FuzzTarget {
        FuzzTarget(name) { bytes in for form in forms { try form.check(bytes) } }
    }

    private static func written(_ write: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        write(&json)
        return json.bytes
    }

    /// However it is cut, a set has the same files, and written again it is the same.
    private static func readFileSet(_ bytes: [UInt8]) throws {
        for isAnswer in [false, true] {
            func read(_ pieces: [[UInt8]]) -> [FileSet.Item]? {
                var reader = FileSetReader(isAnswer: isAnswer)
                guard let items = try? pieces.flatMap({ try reader.read($0) }), (try? reader.finish()) != nil else {
                    return nil
                }
                return items
            }
            let items = read([bytes])
            try promise(items == read(pieces(bytes, single: true)), "a set is another one byte by byte")
            try promise(items == read(pieces(bytes, single: false)), "a set is another one in pieces")
            guard let items else { continue }
            let written = items.reduce(into: [UInt8]()) { written, item in
                switch item {
                case .file(let digest, let bytes): written += FileSet.line(digest, size: bytes.count) + bytes
                case .missing(let digest): written += FileSet.line(missing: digest)
                case .tooLarge(let digest): written += FileSet.line(tooLarge: digest)
                }
            }
            try promise(written == bytes, "a set is another one when written again")
        }
    }

    /// Reports joined to a delivery again are the same ones, with bytes behind the first line and without.
    private static func readReports(_ bytes: [UInt8]) throws {
        for isBinary in [false, true] {
            guard let reports = try? ReportWire.reports(in: bytes, isBinary: isBinary, from: member) else { continue }
            let texts = reports.map(ReportWire.text(of:))
            for text in texts {
                try promise(ReportWire.isWhole(text), "a report's text is not whole: \(plainText(text))")
            }
            let delivery = ReportWire.body(joining: texts)
            let again = try? ReportWire.reports(in: delivery.bytes, isBinary: delivery.isBinary, from: member)
            try promise(again == reports, "reports are others when read back from \(plainText(delivery.bytes))")
        }
        _ = ReportWire.isWhole(bytes)
    }
}
