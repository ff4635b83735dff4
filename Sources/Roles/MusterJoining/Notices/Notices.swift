internal import Glibc
package import MusterRole
internal import MusterSystem

/// The licences of what is handed on: Muster's own, those of what is in its file, and those of libraries beside it. Made from what
/// is really packed.
///
/// The files: `LICENSE` is Muster's; `NOTICE` names everything; `licenses/` holds the texts, by packages, and an `index` that says
/// which file is whose; `sbom.spdx.json` is a bill of materials (SPDX 2.3).
package struct Notices: Sendable {
    package struct File: Sendable {
        /// A relative path.
        package let name: String
        package let bytes: [UInt8]
    }

    /// Muster's own licence.
    static var license: [UInt8] { PackageResources.LICENSE }
    static let indexName = "licenses/index"

    let packages: [PackedPackage]
    private let common: [String: [UInt8]]
    private let version: String

    /// Of files that are packed, by their paths here. Throws `NodeError`.
    package init(ofFiles paths: [String], version: String) throws(NodeError) {
        self.version = version
        let debian = try DebianPackages()
        var byName: [String: PackedPackage] = [:]
        var unknown: [String] = []
        var rest: [String: String] = [:]
        for path in paths {
            if let package = try Self.handedOn(path) {
                byName[package.name, default: package].files.append(Self.name(of: path))
            } else {
                rest[Self.realPath(path)] = Self.name(of: path)
            }
        }
        let owners = try debian.owners(of: Set(rest.keys))
        for (path, file) in rest {
            if let owner = owners[path], var package = debian.installed[owner] {
                if byName[owner] == nil { package.text = try debian.copyright(of: owner) }
                byName[owner, default: package].files.append(file)
            } else if !path.contains("/swift/") {
                unknown.append(file)
            }
        }
        var packages = Self.linked + byName.values
        packages += unknown.map { PackedPackage(name: $0, source: .unknown, files: [$0]) }
        self.packages = packages.map(Self.sortingFiles).sorted { $0.name < $1.name }
        common = try debian.commonLicenses(namedIn: self.packages.map(\.text))
            .merging(Self.commonHandedOn(paths)) { found, _ in found }
    }

    /// Of a whole Debian system, whose licences' texts stay where they are. Throws `NodeError`.
    package init(ofSystem root: String, version: String) throws(NodeError) {
        self.version = version
        let debian = try DebianPackages(root: root)
        guard !debian.installed.isEmpty else {
            throw NodeError(.setup, "\(root)/var/lib/dpkg/status lists no package: this is no Debian system")
        }
        packages = (Self.linked + debian.installed.values).sorted { $0.name < $1.name }
        common = [:]
    }

    /// What is in this program's own file.
    private static let linked = [
        PackedPackage(
            name: "swift-runtime", source: .linked, license: "Apache-2.0 WITH Swift-exception",
            text: Array(
                """
                The Swift runtime, standard library and FoundationEssentials (https://swift.org), Copyright (c) Apple Inc. and the
                Swift project authors, under the Apache License 2.0 with the Runtime Library Exception: what a compiler embeds of
                them into a program needs no further attribution. The licence's text is Muster's own, LICENSE.

                """.utf8)),
        PackedPackage(
            name: "zlib", source: .linked, license: "Zlib",
            text: Array(
                """
                zlib (https://zlib.net), Copyright (C) Jean-loup Gailly and Mark Adler, under the zlib licence: it is provided
                as it is, without any warranty; anybody may use it for any purpose, alter it and hand it on; its origin must
                not be misrepresented, altered versions must be marked as such, and this notice stays with its sources.

                """.utf8)),
        PackedPackage(
            name: "qrcodegen", source: .linked, license: "MIT",
            text: Array(
                """
                QR Code generator library (https://www.nayuki.io/page/qr-code-generator-library), Copyright (c) Project Nayuki.

                Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
                documentation files (the "Software"), to deal in the Software without restriction, including without limitation
                the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and
                to permit persons to whom the Software is furnished to do so, subject to the following conditions:

                The above copyright notice and this permission notice shall be included in all copies or substantial portions of
                the Software.

                THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
                THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
                AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
                CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
                IN THE SOFTWARE.

                """.utf8)),
    ]

    private static func name(of path: String) -> String { String(path.split(separator: "/").last ?? "") }

    private static func sortingFiles(_ package: PackedPackage) -> PackedPackage {
        var package = package
        package.files = Set(package.files).sorted()
        return package
    }

    private static func realPath(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    // MARK: What came with texts already

    /// Where an archive of `make dist`, or one that a volunteer got, is unpacked, its own index knows more than the system.
    private static func handedOn(_ path: String) throws(NodeError) -> PackedPackage? {
        let folder = licenses(beside: path)
        guard let index = try readWhole("\(folder)/index", bytesMax: 1 << 20) else { return nil }
        let file = name(of: path)
        for line in String(decoding: index, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 5, fields[0] == file else { continue }
            var package = PackedPackage(
                name: fields[1], version: fields[2], architecture: fields[3], source: .debian(source: fields[4]))
            package.text = try readWhole("\(folder)/\(fields[1])", bytesMax: 64 << 20) ?? []
            return package
        }
        return nil
    }

    /// `lib/NAME` and `licenses` have one folder.
    private static func licenses(beside path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/") + "/licenses"
    }

    private static func commonHandedOn(_ paths: [String]) throws(NodeError) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for folder in Set(paths.map(licenses(beside:))) {
            guard let names = opendir("\(folder)/common") else { continue }
            defer { closedir(names) }
            while let entry = readdir(names) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name.hasPrefix(".") { continue }
                found[name] = try readWhole("\(folder)/common/\(name)", bytesMax: 1 << 20)
            }
        }
        return found
    }

    // MARK: The files

    /// Made if it is not there. Throws `NodeError`.
    package func write(to directory: String) throws(NodeError) {
        for file in files(createdAt: Self.builtAt) {
            let path = "\(directory)/\(file.name)"
            let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            if access(folder, F_OK) != 0 {
                try makeDirectory(folder)
                // For everybody, as what is in it.
                chmod(folder, 0o755)
            }
            try writeWhole(file.bytes, to: path)
            chmod(path, 0o644)
        }
    }

    /// When this program's file was made, as its time says: the same program makes the same files.
    static var builtAt: String {
        var status = stat()
        guard stat("/proc/self/exe", &status) == 0 else { return "1970-01-01T00:00:00Z" }
        // A `timespec` begins with its seconds; release builds do not see its members from here.
        let seconds = withUnsafeBytes(of: status.st_mtim) { $0.loadUnaligned(as: time_t.self) }
        return CivilTime(Int64(seconds) * 1_000).rfc3339Seconds
    }

    /// `createdAt` is a moment of UTC, `2026-01-31T12:00:00Z`.
    package func files(createdAt: String) -> [File] {
        var files = [
            File(name: "LICENSE", bytes: Self.license), File(name: "NOTICE", bytes: Array(notice.utf8)),
            File(name: "sbom.spdx.json", bytes: SoftwareBill(packages: packages, version: version).json(createdAt)),
        ]
        let texts = packages.filter { !$0.text.isEmpty }
        files += texts.map { File(name: "licenses/\($0.name)", bytes: $0.text) }
        files += common.keys.sorted().map { File(name: "licenses/common/\($0)", bytes: common[$0]!) }
        if !index.isEmpty { files.append(File(name: Self.indexName, bytes: Array(index.utf8))) }
        return files
    }

    /// A file a line: its name, package, version, architecture, source package.
    private var index: String {
        packages.flatMap { package -> [String] in
            guard case .debian(let source) = package.source else { return [] }
            let fields = [package.name, package.version, package.architecture, source].joined(separator: "\t")
            return package.files.map { "\($0)\t\(fields)\n" }
        }.joined()
    }

    private var notice: String {
        var text = """
            Muster \(version), under the Apache License 2.0 (LICENSE).

            It is handed on together with what follows, each under a licence of its own. Where a Debian package is named, its
            source is that package's, of that version, from Debian (https://snapshot.debian.org); a library may be replaced by
            another build of it. Texts that several share are in licenses/common, or in /usr/share/common-licenses.


            """
        for package in packages { text += Self.line(package) }
        return text
    }

    private static func line(_ package: PackedPackage) -> String {
        var text = package.version.isEmpty ? package.name : "\(package.name) \(package.version)"
        if !package.files.isEmpty, package.source != .unknown { text += " (\(package.files.joined(separator: ", ")))" }
        switch package.source {
        case .debian(let source) where package.text.isEmpty && package.files.isEmpty:
            return text + ": source \(source), licence /usr/share/doc/\(package.name)/copyright\n"
        case .debian(let source):
            let license = package.text.isEmpty ? "its licence's text was not there" : "licenses/\(package.name)"
            return text + ": source \(source), \(license)\n"
        case .linked: return text + ": \(package.license ?? ""), licenses/\(package.name)\n"
        case .unknown: return text + ": of no package of the system that packed it; its licence is not known here\n"
        }
    }
}
