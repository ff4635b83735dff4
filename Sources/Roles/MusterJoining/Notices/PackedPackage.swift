/// A piece of software that is handed on with this program, under a licence of its own.
struct PackedPackage: Hashable, Sendable {
    enum Source: Hashable, Sendable {
        /// A Debian package; the source package that it was built from.
        case debian(source: String)
        /// In this program's own file.
        case linked
        /// A file of nobody knows which package.
        case unknown
    }

    var name: String
    /// Empty: not known.
    var version = ""
    var architecture = ""
    var source: Source
    /// An expression of SPDX. Nil: what the text says.
    var license: String?
    /// Names of the files that are packed of it, where only some are.
    var files: [String] = []
    /// The licence's text, as its packager wrote it. Empty: there is none to be had.
    var text: [UInt8] = []

    /// `pkg:deb/debian/libcurl4@7.88.1-10?arch=amd64` (purl-spec).
    var locator: String? {
        guard case .debian = source else { return nil }
        let escaped = version.replacing("+", with: "%2B").replacing(":", with: "%3A").replacing("~", with: "%7E")
        return "pkg:deb/debian/\(name.replacing("+", with: "%2B"))@\(escaped)?arch=\(architecture)"
    }
}
