/// The pieces of a text for the shell, each placeholder with the quoting that its place wants.
///
/// People write both `cp {} {}.bak` and `echo "file {}"`: a value stays what it is in either, for the text is read as a POSIX
/// shell reads it as far as quotes go. A placeholder is refused where no quoting is safe for every value, and where shells read
/// the text in different ways (`UnclearPlace`). A brace behind a backslash or a dollar sign is the shell's: `\{}`, `${x}`.
struct ShellText {
    private(set) var pieces: [Piece] = []
    /// A value behind a blank at the end would be an argument.
    var takesValuesAtEnd: Bool {
        stack == [.commands] && unclear == nil && lastSign.map { !";&|(<>\n".utf8.contains($0) } == true
    }

    private enum State: Hashable {
        /// Commands: of the whole text, in `( )`, in `$( )`.
        case commands, subshell, substitution
        case single, double, braces, backquotes, comment
        /// `$(( ))`, with so many parentheses open in it.
        case arithmetic(open: Int)
    }

    private let bytes: [UInt8]
    private var place = 0
    private var stack: [State] = [.commands]
    /// Text since the last placeholder.
    private var text: [UInt8] = []
    /// From here to the end nothing is sure.
    private var unclear: UnclearPlace?
    /// The next byte begins a word.
    private var isWordStart = true
    /// A variable's name ends here.
    private var nameEnd: Int?
    /// The last byte outside of comments that is no blank; 0 stands for a value.
    private var lastSign: UInt8?
    /// A pattern or a list in braces may be around, where a dash or dots would mean more.
    private var hasPattern = false

    init(_ bytes: [UInt8]) throws(TemplateError) {
        self.bytes = bytes
        while place < bytes.count { try step() }
        if !text.isEmpty { pieces.append(.text(text)) }
    }

    private mutating func step() throws(TemplateError) {
        let byte = bytes[place]
        if byte == UInt8(ascii: "{"), let (placeholder, end) = try Placeholder.read(bytes, at: place) {
            try add(placeholder, end: end)
            return
        }
        lookForJoinedLines(byte)
        switch stack[stack.count - 1] {
        case .commands, .subshell, .substitution: readCommands(byte)
        case .double: readDouble(byte)
        case .single:
            take(1)
            if byte == UInt8(ascii: "'") { pop() }
        case .braces: readBraces(byte)
        case .arithmetic(let open): readArithmetic(byte, open: open)
        case .backquotes:
            take(byte == UInt8(ascii: "\\") ? 2 : 1)
            if byte == UInt8(ascii: "`") { pop() }
        case .comment:
            if byte == UInt8(ascii: "\n") { stack.removeLast() } else { take(1) }
        }
    }

    private mutating func add(_ placeholder: Placeholder, end: Int) throws(TemplateError) {
        func refuse(_ unclear: UnclearPlace) -> TemplateError {
            .unclearPlace(placeholder: placeholder.text, unclear)
        }
        if let unclear { throw refuse(unclear) }
        let quoting: Quoting
        switch stack[stack.count - 1] {
        case .commands, .subshell, .substitution: quoting = .bare(standsAlone: standsAlone(end: end))
        case .single: quoting = .single
        case .double: quoting = .double(afterName: nameEnd == place)
        case .arithmetic: quoting = .arithmetic
        case .braces: throw refuse(.braces)
        case .backquotes: throw refuse(.backquotes)
        case .comment: throw refuse(.comment)
        }
        if !text.isEmpty { pieces.append(.text(text)) }
        pieces.append(.placeholder(placeholder, quoting))
        (text, place, isWordStart, lastSign) = ([], end, false, 0)
    }

    /// Whether a plain value from here to there needs no quotes: nothing beside it would give it a meaning, as `>` does to a
    /// digit before it.
    private func standsAlone(end: Int) -> Bool {
        if hasPattern || nameEnd == place { return false }
        func isHarmless(_ byte: UInt8, _ others: String) -> Bool { isNameByte(byte) || others.utf8.contains(byte) }
        let isBeginHarmless = place == 0 || isHarmless(bytes[place - 1], " \t\n/.-,:@+=")
        let isEndHarmless = end == bytes.count || isHarmless(bytes[end], " \t\n/.-,:;|)")
        return isBeginHarmless && isEndHarmless
    }

    /// Lines that are joined inside of a word may make a sign or a name of two halves.
    private mutating func lookForJoinedLines(_ byte: UInt8) {
        guard byte == UInt8(ascii: "\\"), follows("\\\n"), place > 0, !" \t\n".utf8.contains(bytes[place - 1]) else {
            return
        }
        if ![.single, .comment].contains(stack[stack.count - 1]) { unclear = unclear ?? .joinedLines }
    }

    private mutating func readCommands(_ byte: UInt8) {
        lookForCase()
        if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { hasPattern = true }
        switch byte {
        case UInt8(ascii: "\\"):
            // A backslash before a newline joins the lines, and begins no word.
            let joins = place + 1 < bytes.count && bytes[place + 1] == UInt8(ascii: "\n")
            let wasWordStart = isWordStart
            take(2)
            if joins { isWordStart = wasWordStart }
        case UInt8(ascii: "'"): push(.single, 1)
        case UInt8(ascii: "\""): push(.double, 1)
        case UInt8(ascii: "`"): push(.backquotes, 1)
        case UInt8(ascii: "$"): readDollar()
        case UInt8(ascii: "#") where isWordStart: stack.append(.comment)
        case UInt8(ascii: "("):
            if follows("((") { unclear = unclear ?? .otherArithmetic }
            push(.subshell, 1)
            isWordStart = true
        case UInt8(ascii: ")"):
            let state = stack[stack.count - 1]
            take(1)
            // Behind the pattern of a case nothing was open.
            if state != .commands { stack.removeLast() }
            isWordStart = state != .substitution
        case UInt8(ascii: "<") where follows("<<<"): take(3, isWordStart: true)
        case UInt8(ascii: "<") where follows("<<"):
            unclear = unclear ?? .hereDocument
            take(2)
        default: take(1, isWordStart: " \t\n;&|<>".utf8.contains(byte))
        }
    }

    /// In parentheses the pattern of a `case` would look like their end.
    private mutating func lookForCase() {
        if isWordStart, stack.count > 1, follows("case"), place + 4 < bytes.count, !isNameByte(bytes[place + 4]) {
            unclear = unclear ?? .caseInParentheses
        }
    }

    private mutating func readDouble(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\\"): take(2)
        case UInt8(ascii: "`"): push(.backquotes, 1)
        case UInt8(ascii: "$"): readDollar()
        default:
            take(1)
            if byte == UInt8(ascii: "\"") { pop() }
        }
    }

    /// Shells differ in how they read quotes in here.
    private mutating func readBraces(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "$"): readDollar()
        case UInt8(ascii: "}"):
            take(1)
            pop()
        default:
            if "'\"`\\".utf8.contains(byte) { unclear = unclear ?? .braces }
            take(1)
        }
    }

    private mutating func readArithmetic(_ byte: UInt8, open: Int) {
        let top = stack.count - 1
        switch byte {
        case UInt8(ascii: "$"): readDollar()
        case UInt8(ascii: "("):
            take(1)
            stack[top] = .arithmetic(open: open + 1)
        case UInt8(ascii: ")") where open > 0:
            take(1)
            stack[top] = .arithmetic(open: open - 1)
        case UInt8(ascii: ")") where follows("))"):
            take(2)
            pop()
        default:
            // A lone `)`: it was `$( ( … ) … )` after all.
            if ")'\"`\\#".utf8.contains(byte) { unclear = unclear ?? .quotesInArithmetic }
            take(1)
        }
    }

    private mutating func readDollar() {
        let isInCommands = [.commands, .subshell, .substitution].contains(stack[stack.count - 1])
        let next = place + 1 < bytes.count ? bytes[place + 1] : 0
        if follows("$[") { unclear = unclear ?? .otherArithmetic }
        if follows("$((") {
            push(.arithmetic(open: 0), 3)
        } else if follows("$(") {
            push(.substitution, 2)
            isWordStart = true
        } else if follows("${") {
            push(.braces, 2)
        } else if isInCommands, follows("$'") {
            unclear = unclear ?? .dollarQuotes
            push(.single, 2)
        } else if isNameByte(next) {
            take(1 + bytes[(place + 1)...].prefix(while: isNameByte).count)
            nameEnd = place
        } else {
            take("@*#?-$!".utf8.contains(next) ? 2 : 1)
        }
    }

    private func follows(_ word: StaticString) -> Bool {
        bytes[place...].prefix(word.utf8CodeUnitCount)
            .elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    private mutating func push(_ state: State, _ count: Int) {
        take(count)
        stack.append(state)
    }

    private mutating func pop() {
        stack.removeLast()
        isWordStart = false
    }

    private mutating func take(_ count: Int, isWordStart: Bool = false) {
        let end = min(place + count, bytes.count)
        if let sign = bytes[place..<end].last(where: { $0 != 0x20 && $0 != 0x09 }), stack.last != .comment {
            // What a backslash stands before is no sign.
            lastSign = count == 2 && bytes[place] == UInt8(ascii: "\\") ? 0 : sign
        }
        text += bytes[place..<end]
        place = end
        self.isWordStart = isWordStart
    }
}
