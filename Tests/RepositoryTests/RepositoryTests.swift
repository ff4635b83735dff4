import Glibc
import Testing

@Suite("repository")
struct RepositoryTests {
    static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    /// All Swift files below a folder of the repository.
    private static func swiftFiles(_ folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(".") { continue }
            let path = folder + "/" + name
            if name.hasSuffix(".swift") { found.append(path) } else { found += swiftFiles(path) }
        }
        return found.sorted()
    }

    static func text(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece[..<count]
        }
    }

    private static let files = ["Sources", "Benchmarks", "Fuzz"].flatMap({ swiftFiles("\(root)/\($0)") }).map { path in
        let relative = String(path.dropFirst(root.count + 1))
        return SourceRules.File(room: House.place(of: relative).room, path: relative, text: text(path))
    }

    private static let house: House = {
        var house = House(needs: House.needs(in: text(root + "/Package.swift")))
        for file in files { house.floor[file.room] = House.place(of: file.path).floor }
        return house
    }()

    @Test("every source file keeps the house rules")
    func sources() {
        #expect(Self.files.count > 50)
        for file in Self.files {
            for finding in SourceRules.findings(in: file, of: Self.house) { Issue.record("\(finding)") }
        }
    }

    @Test("no target and no type outgrows its bound")
    func sizes() {
        let sources = Self.files.filter { $0.path.hasPrefix("Sources/") }
        for finding in SizeRules.findings(in: sources) { Issue.record("\(finding)") }
    }

    @Test("the manifest is read as it is meant")
    func manifest() {
        #expect(Self.house.needs.count > 20)
        #expect(Self.house.needs["muster"] == ["MusterCommands", "MusterCommandLine"])
        for needs in Self.house.needs.values {
            for name in needs {
                #expect(Self.house.floor[name] != nil || SourceRules.shims[name] != nil, "no room \(name)")
            }
        }
    }

    @Test("a room asks the manifest for nothing that it does not import")
    func neededOnly() {
        let imported = Dictionary(grouping: Self.files, by: \.room).mapValues { Set($0.flatMap(\.imports)) }
        for (room, needs) in Self.house.needs {
            guard let imports = imported[room] else { continue }
            #expect(needs.subtracting(imports) == [], "\(room)")
        }
    }

    @Test(
        "the links of the pages at the root lead somewhere",
        arguments: ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
    func links(page: String) {
        let text = Self.text(Self.root + "/" + page)
        #expect(!text.isEmpty)
        for part in text.split(separator: "](").dropFirst() {
            let target = part.prefix { $0 != ")" && $0 != "#" }
            if target.hasPrefix("http") || target.isEmpty { continue }
            #expect(access(Self.root + "/" + target, F_OK) == 0, "\(page) links to \(target)")
        }
    }

    /// What stands behind a line `In FILE:`, up to the next such line, is of that file.
    @Test("the code that CONTRIBUTING.md shows stands in the files that it names")
    func shownCode() {
        var (file, block, isInside, shown) = ("", "", false, 0)
        for line in Self.text(Self.root + "/CONTRIBUTING.md").split(separator: "\n", omittingEmptySubsequences: false) {
            if let named = line.firstMatch(of: /In `([^`]+)`:$/) { file = String(named.1) }
            switch (isInside, line) {
            case (false, "```swift"): (isInside, block) = (true, "")
            case (true, "```"):
                isInside = false
                shown += 1
                #expect(Self.text("\(Self.root)/\(file)").contains(block), "\(file) has no such lines:\n\(block)")
            case (true, _): block += line + "\n"
            default: break
            }
        }
        #expect(shown > 3)
    }

    @Test("the tests that docs/RFC9111.md names are there")
    func requirements() {
        let rows = Self.text(Self.root + "/docs/RFC9111.md").split(separator: "\n").filter { $0.hasPrefix("| ") }
        let named = rows.flatMap { row -> [Substring] in
            let cells = row.split(separator: "|")
            return cells[cells.count - 1].split(separator: "`").filter { $0.contains(".") }
        }
        #expect(named.count > 80)
        var files = Self.swiftFiles(Self.root + "/Tests/HTTPCachingTests").map(Self.text)
        files += Self.swiftFiles(Self.root + "/Tests/MusterEdgeTests").map(Self.text)
        let suites = files.flatMap { text in
            ["\nstruct ", "@Suite struct ", "@Suite(.serialized) struct "].flatMap { text.components(from: $0) }
        }
        for name in Set(named) {
            let parts = name.split(separator: ".")
            let suite = suites.first { $0.hasPrefix("\(parts[0]) {") }
            #expect(suite?.contains(" func \(parts[1])(") == true, "no test \(name)")
        }
    }

    /// A house in small.
    static let small = House(
        floor: [
            "MusterOrigin": "Roles", "MusterEdge": "Roles", "MusterHTTP": "Ways", "MusterStore": "Ways",
            "MusterAPI": "API",
            "MusterCore": "Core", "HTTPCaching": "Core", "MusterTestKit": "Testing",
        ],
        needs: ["MusterStore": ["MusterCore"], "MusterOrigin": ["MusterStore"]])

    static let bad: [(room: String, text: String, words: String)] = [
        ("MusterCore", "import Glibc\n", "standard library only"),
        ("HTTPCaching", "internal import MusterCore\n", "knows nothing of Muster"),
        ("MusterOrigin", "internal import CSQLite\n", "belongs to MusterStore"),
        ("MusterAPI", "package import MusterHTTP\n", "not below"),
        ("MusterOrigin", "package import MusterTestKit\n", "not below"),
        ("MusterOrigin", "internal import MusterEdge\n", "the manifest does not give"),
        ("MusterStore", "internal import MusterHTTP\n", "the manifest does not give"),
        ("MusterNowhere", "internal import MusterHTTP\n", "lies on no floor"),
        ("MusterHTTP", "internal import Foundation\n", "a third of its size"),
        ("MusterOrigin", "final class A: @unchecked Sendable {}\n", "names its guard"),
        ("MusterOrigin", "// TO" + "DO: later\n", "TO" + "DO"),
        ("MusterOrigin", String(repeating: "\n", count: 600), "601 lines"),
        (
            "MusterOrigin", "func long() {\n" + String(repeating: "    a()\n", count: 90) + "}\n",
            "a function of 91 lines"
        ),
    ]

    @Test("the rules find what they are for", arguments: bad)
    func rulesWork(room: String, text: String, words: String) {
        let file = SourceRules.File(room: room, path: "x.swift", text: text)
        let findings = SourceRules.findings(in: file, of: Self.small)
        #expect(findings.contains { $0.contains(words) }, "\(findings)")
    }

    @Test("the rules leave good code alone")
    func rulesSpare() {
        let good = """
            internal import CSQLite
            package import MusterCore
            /// `@unchecked Sendable`: `lock` guards it.
            final class A: @unchecked Sendable {}
            """
        let file = SourceRules.File(room: "MusterStore", path: "x.swift", text: good)
        #expect(SourceRules.findings(in: file, of: Self.small).isEmpty)
    }

    @Test("a file's floor and room are in its path")
    func places() {
        #expect(House.place(of: "Sources/Core/MusterCore/Identity/Moment.swift") == ("Core", "MusterCore"))
        #expect(House.place(of: "Sources/muster/Muster.swift") == ("muster", "muster"))
        #expect(House.place(of: "Benchmarks/MusterBench/main.swift") == ("Benchmarks", "MusterBench"))
    }
}

extension String {
    /// What follows each `mark`, up to the next.
    fileprivate func components(from mark: String) -> [Substring] {
        var pieces: [Substring] = []
        var rest = self[...]
        while let place = rest.firstRange(of: mark) {
            rest = rest[place.upperBound...]
            pieces.append(rest[..<(rest.firstRange(of: mark)?.lowerBound ?? rest.endIndex)])
        }
        return pieces
    }
}
