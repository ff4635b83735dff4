internal import Glibc
internal import MusterRole

/// What dpkg knows of the packages of a system (dpkg(1), dpkg-query(1)), read from its files.
struct DebianPackages {
    private static let fileBytesMax = 64 << 20

    /// By name.
    private(set) var installed: [String: PackedPackage] = [:]
    private let root: String

    /// None, where the system is not Debian's. Throws `NodeError` for a database that cannot be read. `root` is where the system is,
    /// without a slash at its end.
    init(root: String = "") throws(NodeError) {
        self.root = root
        guard let status = try readWhole(root + "/var/lib/dpkg/status", bytesMax: Self.fileBytesMax) else { return }
        for package in Self.packages(inStatus: String(decoding: status, as: UTF8.self)) {
            installed[package.name] = package
        }
    }

    static func packages(inStatus text: String) -> [PackedPackage] {
        text.split(separator: "\n\n").compactMap { stanza in
            var fields: [Substring: Substring] = [:]
            // Lines that go on with the one before begin with a space.
            for line in stanza.split(separator: "\n") where line.first != " " {
                guard let colon = line.firstIndex(of: ":") else { continue }
                fields[line[..<colon]] = line[line.index(after: colon)...].drop { $0 == " " }
            }
            guard fields["Status"]?.hasSuffix(" installed") == true, let name = fields["Package"] else { return nil }
            let source = fields["Source"]?.prefix { $0 != " " } ?? name
            return PackedPackage(
                name: String(name), version: String(fields["Version"] ?? ""),
                architecture: String(fields["Architecture"] ?? ""), source: .debian(source: String(source)))
        }
    }

    /// Which packages brought these files, by their real paths. Those of none are not in it.
    func owners(of paths: Set<String>) throws(NodeError) -> [String: String] {
        guard !paths.isEmpty, !installed.isEmpty else { return [:] }
        // Where /lib is a link to /usr/lib, lists may have either.
        var wanted: [Substring: String] = [:]
        for path in paths {
            wanted[path[...]] = path
            if path.hasPrefix("/usr/lib") { wanted[path.dropFirst(4)] = path }
        }
        var found: [String: String] = [:]
        for (name, package) in installed {
            let file = "\(root)/var/lib/dpkg/info/\(name)"
            var bytes = try readWhole("\(file):\(package.architecture).list", bytesMax: Self.fileBytesMax)
            if bytes == nil { bytes = try readWhole("\(file).list", bytesMax: Self.fileBytesMax) }
            guard let bytes else { continue }
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                if let path = wanted[line] { found[path] = name }
            }
        }
        return found
    }

    /// `/usr/share/doc/NAME/copyright`. Empty: the package has none.
    func copyright(of name: String) throws(NodeError) -> [UInt8] {
        try readWhole("\(root)/usr/share/doc/\(name)/copyright", bytesMax: Self.fileBytesMax) ?? []
    }

    /// Texts of licences that such a file only names: those of `/usr/share/common-licenses`, by their names.
    func commonLicenses(namedIn texts: [[UInt8]]) throws(NodeError) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for text in texts {
            for part in String(decoding: text, as: UTF8.self).split(separator: "/usr/share/common-licenses/")
                .dropFirst()
            {
                var name = String(part.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "-.".contains($0)) })
                while name.last == "." { name.removeLast() }
                guard !name.isEmpty, found[name] == nil else { continue }
                found[name] = try readWhole("\(root)/usr/share/common-licenses/\(name)", bytesMax: Self.fileBytesMax)
            }
        }
        return found
    }
}
