/// The repository's own rules, as functions from text to findings, so that they can be tried on bad samples.
enum SourceRules {
    /// Each C module belongs to one room.
    static let shims = [
        "CMicroHTTP": "MusterHTTP", "CCurl": "MusterHTTPClient", "CSQLite": "MusterStore",
        "CPostgres": "MusterPostgres", "CCrypto": "MusterCrypto",
        "CSpawn": "MusterLaunch", "CZlib": "MusterKernels", "CProcessor": "MusterKernels", "CSystem": "MusterSystem",
        "CRoaring": "MusterNumbers", "CQRCode": "MusterQR", "CWslay": "MusterWebSocket",
        "CMandelbrot": "MusterBench",
        "CEpoll": "MusterBenchMembers",
    ]
    static let fileLinesMax = 500
    static let functionLinesMax = 70

    struct File {
        var room: String
        var path: String
        var text: String
        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

        /// Module names behind `import`, whatever stands before or between.
        var imports: [String] {
            lines.compactMap { line in
                let words = line.split(separator: " ")
                guard let place = words.firstIndex(of: "import"), place <= 2, place + 1 < words.count else {
                    return nil
                }
                let kinds: Set<Substring> = ["struct", "class", "enum", "func", "protocol"]
                let name =
                    kinds.contains(words[place + 1]) && place + 2 < words.count ? words[place + 2] : words[place + 1]
                return String(name.prefix { $0 != "." })
            }
        }
    }

    static func findings(in file: File, of house: House) -> [String] {
        (imports(file, house) + guards(file) + leftovers(file) + lengths(file)).map { "\(file.path): \($0)" }
    }

    static func imports(_ file: File, _ house: House) -> [String] {
        file.imports.compactMap { name in
            if name == "Foundation" { return "imports Foundation: FoundationEssentials is a third of its size" }
            if let owner = shims[name] {
                return owner == file.room ? nil : "imports \(name), which belongs to \(owner)"
            }
            return house.objection(to: name, in: file.room)
        }
    }

    /// `@unchecked Sendable` says in the comment above, or beside, what guards it.
    static func guards(_ file: File) -> [String] {
        let lines = file.lines
        return lines.indices.compactMap { place in
            guard lines[place].contains("@unchecked Sendable"), !isComment(lines[place]) else { return nil }
            let near = lines[max(0, place - 8)...place]
            return near.contains { $0.contains("//") && $0.contains("Sendable") }
                ? nil
                : "line \(place + 1): @unchecked Sendable without a comment that names its guard"
        }
    }

    static func leftovers(_ file: File) -> [String] {
        file.lines.enumerated().compactMap { number, line in
            for word in ["TO" + "DO", "FIX" + "ME"] where line.contains(word) {
                return "line \(number + 1): \(word)"
            }
            return nil
        }
    }

    static func lengths(_ file: File) -> [String] {
        var found: [String] = []
        if file.lines.count > fileLinesMax {
            found.append("\(file.lines.count) lines; look twice past \(fileLinesMax)")
        }
        var start: (line: Int, indent: Int)?
        // A long text (a completion script) is not a long function.
        var (isText, textLines) = (false, 0)
        for (number, line) in file.lines.enumerated() {
            if line.split(separator: "\"\"\"", omittingEmptySubsequences: false).count == 2 { isText.toggle() }
            if isText {
                textLines += 1
                continue
            }
            let indent = line.prefix { $0 == " " }.count
            if start == nil, line.contains("func "), line.hasSuffix("{"), !isComment(line) {
                (start, textLines) = ((number, indent), 0)
            }
            guard let began = start, line.dropFirst(indent) == "}", indent == began.indent else { continue }
            let count = number - began.line - textLines
            if count > functionLinesMax { found.append("line \(began.line + 1): a function of \(count) lines") }
            start = nil
        }
        return found
    }

    private static func isComment(_ line: Substring) -> Bool { line.drop { $0 == " " }.hasPrefix("//") }
}
