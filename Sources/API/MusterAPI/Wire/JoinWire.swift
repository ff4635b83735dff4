package import MusterWire

/// What a machine needs to become a worker of the fleet; the answer to `POST /v1/join-command`.
package struct JoinOffer: Hashable, WireType {
    /// The coordinator's program with all its libraries, as others may fetch it.
    package struct Program: Hashable, Sendable {
        package var path: String
        /// 64 hexadecimal digits.
        package var sha256: String
        package var bytes: Int

        package init(path: String, sha256: String, bytes: Int) {
            (self.path, self.sha256, self.bytes) = (path, sha256, bytes)
        }
    }

    package var token: String
    /// Where others reach the coordinator, as far as it can tell.
    package var url: String
    /// Like `Linux x86_64`.
    package var platform: String
    /// Nil where the coordinator has none to give; then `trouble` says why.
    package var program: Program?
    package var trouble: String?

    package init(token: String, url: String, platform: String, program: Program?, trouble: String? = nil) {
        (self.token, self.url, self.platform) = (token, url, platform)
        (self.program, self.trouble) = (program, trouble)
    }

    package static let blank = JoinOffer(token: "", url: "", platform: "", program: nil)
    package static let schemaName = "JoinOffer"
    package static let fields: [WireField<JoinOffer>] = [
        .must("token", \.token, .prose(upTo: 4_096), "The fleet's join token."),
        .must("url", \.url, .prose(upTo: 4_096), "Where others reach this coordinator."),
        .must("platform", \.platform, .prose, "What the program runs on, as uname -sm says."),
        .may("program", \.program, .object),
        .may("trouble", \.trouble, .prose(upTo: 4_096), "Why there is no program to give."),
    ]
}

extension JoinOffer.Program: WireType {
    package static let blank = JoinOffer.Program(path: "", sha256: "", bytes: 0)
    package static let fields: [WireField<JoinOffer.Program>] = [
        .must("path", \.path, .prose, "What comes behind the URL."),
        .must("sha256", \.sha256, .prose),
        .must("bytes", \.bytes, .integer),
    ]
}
