package import MusterWire

/// A link by which a browser comes in, once; the answer to `POST /v1/sign-in-links`.
package struct SignInLink: Hashable, WireType {
    package var path: String
    package var seconds: Int

    package init(path: String, seconds: Int) { (self.path, self.seconds) = (path, seconds) }

    package static let blank = SignInLink(path: "", seconds: 0)
    package static let schemaName = "SignInLink"
    package static let fields: [WireField<SignInLink>] = [
        .must("path", \.path, .prose(upTo: 256), "What comes behind this URL."),
        .must("seconds", \.seconds, .integer, "It is good for so long."),
    ]
}

/// By which an origin or an edge tells the fleet's tokens without having them: a code of each under a salt that is made for this.
/// Told to origins and edges when they join, so that the fleet's tokens are good there, too.
package struct FleetTokenCodes: Hashable, WireType {
    /// 32 hexadecimal digits.
    package var salt: String
    package var admin: String
    package var join: String
    package var read: String

    package init(salt: String, admin: String, join: String, read: String) {
        (self.salt, self.admin, self.join, self.read) = (salt, admin, join, read)
    }

    package static let blank = FleetTokenCodes(salt: "", admin: "", join: "", read: "")
    package static let fields: [WireField<FleetTokenCodes>] = [
        .must("salt", \.salt, .prose), .must("admin", \.admin, .prose), .must("join", \.join, .prose),
        .must("read", \.read, .prose),
    ]
}
