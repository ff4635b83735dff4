internal import Glibc

@testable internal import HTTPCaching
@testable internal import HTTPText
@testable internal import MusterAPI
@testable internal import MusterCrypto
@testable internal import MusterEdge
@testable internal import MusterJoining
@testable internal import MusterOrigin
@testable internal import MusterRole
@testable internal import MusterWire

extension FuzzTarget {
    static let roles = [
        FuzzTarget("image-record", readImageRecord),
        FuzzTarget("origin-journal", readJournal),
        FuzzTarget("origin-position") { bytes in
            guard let position = OriginPosition(plainText(bytes)) else { return }
            try promise(OriginPosition(position.text) == position, "\(position.text) is not read back")
        },
        FuzzTarget("framing", readFraming),
        FuzzTarget("plain-target", readPlainTarget),
        FuzzTarget("fleet-cookies", removeCookies),
        FuzzTarget("debian-packages", readPackages),
        FuzzTarget("public-url") { bytes in
            guard let url = PublicURL.of(host: plainText(bytes), isTLS: false) else { return }
            let isSafe = url.utf8.allSatisfy { byte in
                (0x2D...0x3A).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "_[]".utf8.contains(byte)
            }
            try promise(isSafe, "\(url) in a script")
        },
        FuzzTarget("address-circle", nameCircle),
    ]

    /// A trailer that is accepted is written as itself, also one whose seal is right whatever the rest.
    private static func readImageRecord(_ bytes: [UInt8]) throws {
        let id = ImageID(7)
        var sealed = Array((bytes + [UInt8](repeating: 0, count: 336)).prefix(320))
        sealed.replaceSubrange(0..<8, with: "MUSTERIM".utf8)
        let seal = SHA256.digest(of: sealed + [7, 0, 0, 0, 0, 0, 0, 0]).prefix(16)
        for trailer in [bytes, sealed + seal] {
            let size = trailer.count >= 24 ? trailer.number(at: 16) : 0
            guard size <= Int64.max - 336, let record = ImageRecord(trailer: trailer, id: id, fileSize: size + 336)
            else { continue }
            let again = ImageRecord(trailer: record.trailer, id: id, fileSize: record.size + 336)
            try promise(again == record, "another record is read back")
            try promise(record.version < Int64.max, "there is no version behind \(record.version)")
            try promise(ImageRecord(trailer: trailer, id: ImageID(8), fileSize: size + 336) == nil, "of another image")
        }
    }

    /// A journal of any bytes opens; its deletions are in order, and the next version is a new one.
    private static func readJournal(_ bytes: [UInt8]) throws {
        var file = [UInt8](repeating: 0, count: 8_192 + 16 * 32)
        let records = stride(from: 0, to: bytes.count, by: 40).map { Array(bytes[$0..<min($0 + 40, bytes.count)]) }
        for (place, record) in records.prefix(18).enumerated() {
            let header = Array(("MUSTERJ1".utf8 + record + [UInt8](repeating: 0, count: 40)).prefix(40))
            let (sealed, start) =
                place < 2 ? (header, place * 4_096) : (Array(header[8..<24]), 8_192 + (place - 2) * 32)
            file.replaceSubrange(start..<start + sealed.count + 16, with: sealed + SHA256.digest(of: sealed).prefix(16))
        }
        try withFile(file) { path in
            guard let journal = try? OriginJournal(path: path) else { return }
            let versions = journal.tombstones.map(\.version)
            try promise(versions == versions.sorted(), "deletions are out of order")
            let next = try journal.takeVersion()
            try promise(versions.allSatisfy { $0 < next }, "the version \(next) was used already")
            try journal.addTombstone(ImageID(7), version: next)
            let again = try OriginJournal(path: path)
            try promise(again.originName == journal.originName, "another origin after a restart")
            try promise(try again.takeVersion() > next, "a version is used twice")
        }
    }

    /// Where a body's end is beyond doubt there is one length at most, and no coding beside it.
    private static func readFraming(_ bytes: [UInt8]) throws {
        let fields = headerFields(bytes)
        guard Framing.defect(fields) == nil else { return }
        let (lengths, codings) = (fields.list("Content-Length"), fields.list("Transfer-Encoding"))
        try promise(Set(lengths).count <= 1 && (lengths.isEmpty || codings.isEmpty), "\(lengths) \(codings)")
        let response = UpstreamResponse(status: 200, fields: fields, requestTimeMs: 0, responseTimeMs: 0)
        try promise(response.length ?? 0 >= 0, "a negative length")
        try promise(lengths.isEmpty == (response.length == nil), "a length was not read")
    }

    /// A path has neither dots nor doubled slashes, and its own one is itself.
    private static func readPlainTarget(_ bytes: [UInt8]) throws {
        let target = WireText.text(bytes)
        let path = PlainTarget(target).path
        let segments = path.split(separator: 0x2F)
        try promise(
            path.first == 0x2F && !segments.contains { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) },
            "dots are left")
        try promise(path == [0x2F] + segments.joined(separator: [0x2F]), "slashes are left")
        guard let image = ImageTarget(of: CacheKey(origin: "http://origin.test", target: target)) else { return }
        try promise(
            !image.id.isEmpty && image.id.utf8.allSatisfy { (0x30...0x39).contains($0) }, "the image \(image.id)")
    }

    /// By bytes, as other servers read them: no cookie of the fleet's goes on.
    private static func removeCookies(_ bytes: [UInt8]) throws {
        var fields = HeaderFields(lineList(bytes).map { ("Cookie", WireText.text($0)) })
        FleetCookies.remove(from: &fields)
        for value in fields.values("Cookie") {
            for cookie in value.utf8.split(separator: 0x3B) {
                let name = cookie.drop { $0 == 0x20 || $0 == 0x09 }
                try promise(!name.starts(with: "muster-".utf8), "\(value) goes on")
            }
        }
    }

    private static func readPackages(_ bytes: [UInt8]) throws {
        for package in DebianPackages.packages(inStatus: plainText(bytes)) {
            try promise(package.locator?.hasPrefix("pkg:deb/debian/") == true, "\(package) has no locator")
            try promise(!package.name.utf8.contains(0x0A) && !package.version.utf8.contains(0x0A), "\(package)")
        }
    }

    /// Of an IPv6 address the first 64 bits, of an IPv4 address all.
    private static func nameCircle(_ bytes: [UInt8]) throws {
        guard bytes.count >= 16 else { return }
        var (words, text) = (Array(bytes.prefix(16)), [CChar](repeating: 0, count: 64))
        guard inet_ntop(AF_INET6, &words, &text, 64) != nil else { return }
        let address = plainText(text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) })
        guard !address.contains(".") else { return }
        let groups = stride(from: 0, to: 8, by: 2).map { String(Int(words[$0]) << 8 | Int(words[$0 + 1]), radix: 16) }
        try promise(
            AddressCircle.name(of: address) == groups.joined(separator: "_"),
            "\(address) is of \(AddressCircle.name(of: address))")
    }
}
