import MusterJSON
import MusterTestKit
import MusterWire
import Testing

@testable import MusterJoining
@testable import MusterRole

/// Licences of what is handed on, from what dpkg knows.
@Suite struct NoticesTests {
    private static let status = """
        Package: libcurl4
        Status: install ok installed
        Architecture: amd64
        Source: curl (1:7.88)
        Version: 7.88.1-10+deb12u14
        Description: easy
         Package: of nobody

        Package: gone
        Status: deinstall ok config-files
        Version: 1

        Package: zed
        Status: install ok installed
        Architecture: all
        Version: 2~1

        """

    @Test func installedPackagesAreRead() {
        let packages = DebianPackages.packages(inStatus: Self.status)
        #expect(packages.map(\.name) == ["libcurl4", "zed"])
        #expect(packages.map(\.source) == [.debian(source: "curl"), .debian(source: "zed")])
        #expect(packages[0].locator == "pkg:deb/debian/libcurl4@7.88.1-10%2Bdeb12u14?arch=amd64")
        #expect(packages[1].locator == "pkg:deb/debian/zed@2%7E1?arch=all")
    }

    /// A little Debian system.
    private func withSystem(_ body: (String) throws -> Void) throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let files = [
            ("var/lib/dpkg/status", Self.status),
            ("var/lib/dpkg/info/libcurl4:amd64.list", "/.\n/usr/lib/x/libcurl.so.4.8.0\n"),
            ("var/lib/dpkg/info/zed.list", "/lib/x/zed.so\n"),
            ("usr/share/doc/libcurl4/copyright", "curl's; see /usr/share/common-licenses/GPL-2. And none."),
            ("usr/share/common-licenses/GPL-2", "the text"),
        ]
        for (name, text) in files {
            let path = "\(folder.path)/\(name)"
            try makeDirectory(String(path[..<path.lastIndex(of: "/")!]))
            try writeWhole(Array(text.utf8), to: path)
        }
        try body(folder.path)
    }

    /// By either name of /usr/lib, and no others.
    @Test func filesBelongToPackages() throws {
        try withSystem { root in
            let debian = try DebianPackages(root: root)
            let paths: Set = ["/usr/lib/x/libcurl.so.4.8.0", "/usr/lib/x/zed.so", "/usr/lib/x/other.so"]
            let owners = try debian.owners(of: paths)
            #expect(owners == ["/usr/lib/x/libcurl.so.4.8.0": "libcurl4", "/usr/lib/x/zed.so": "zed"])
            let text = try debian.copyright(of: "libcurl4")
            #expect(try debian.commonLicenses(namedIn: [text]) == ["GPL-2": Array("the text".utf8)])
            #expect(try debian.copyright(of: "zed").isEmpty)
        }
    }

    @Test func aSystemsBillNamesAllPackages() throws {
        try withSystem { root in
            let files = try Notices(ofSystem: root, version: "9").files(createdAt: "2026-01-31T12:00:00Z")
            #expect(files.map(\.name).contains("LICENSE") && files.map(\.name).contains("NOTICE"))
            let bill = try JSONValue(parsing: #require(files.first { $0.name == "sbom.spdx.json" }).bytes)
            let names = try #require(bill.members?.first { $0.key == "packages" }?.value.elements).map { package in
                package.members?.first { $0.key == "name" }?.value.string
            }
            #expect(names == ["muster", "libcurl4", "qrcodegen", "swift-runtime", "zed", "zlib"])
            let notice = String(decoding: try #require(files.first { $0.name == "NOTICE" }).bytes, as: UTF8.self)
            let line = "libcurl4 7.88.1-10+deb12u14: source curl, licence /usr/share/doc/libcurl4/copyright\n"
            #expect(notice.contains(line))
        }
    }

    @Test func noDebianSystemIsToldAsSuch() throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let error = #expect(throws: NodeError.self) { try Notices(ofSystem: folder.path, version: "9") }
        #expect(error?.message.contains(folder.path) == true)
    }

    /// An archive that is handed on once more knows its libraries by its own index; what nobody knows is said to be unknown.
    @Test func anArchivesOwnIndexGoesFirst() throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        for place in ["lib", "licenses/common"] { try makeDirectory("\(folder.path)/\(place)") }
        for (name, text) in [
            ("lib/libcurl.so.4", ""), ("lib/libodd.so", ""), ("licenses/libcurl4", "curl's"),
            ("licenses/common/GPL-2", "gpl"),
            ("licenses/index", "libcurl.so.4\tlibcurl4\t7.88\tamd64\tcurl\n"),
        ] {
            try writeWhole(Array(text.utf8), to: "\(folder.path)/\(name)")
        }
        let paths = ["libcurl.so.4", "libodd.so"].map { "\(folder.path)/lib/\($0)" }
        let files = try Notices(ofFiles: paths, version: "9").files(createdAt: "2026-01-31T12:00:00Z")
        let texts = Dictionary(uniqueKeysWithValues: files.map { ($0.name, String(decoding: $0.bytes, as: UTF8.self)) })
        #expect(texts["licenses/libcurl4"] == "curl's" && texts["licenses/common/GPL-2"] == "gpl")
        #expect(texts["licenses/index"] == "libcurl.so.4\tlibcurl4\t7.88\tamd64\tcurl\n")
        #expect(texts["NOTICE"]?.contains("libodd.so: of no package of the system that packed it") == true)
    }
}
