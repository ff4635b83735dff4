internal import Glibc

/// Reads inputs, one a line, from a file or from standard input.
///
/// The newline ends a line; a carriage return before it is dropped; the last line may lack it. Empty lines are refused,
/// for every line is an input. Reading blocks the main thread, and memory stays within one chunk and one line.
package enum InputLines {
    package struct Limits: Hashable, Sendable {
        /// Bytes of one line without its end.
        package var lineBytesMax = 1 << 20
        package var linesMax = 10_000_000
        /// Blank lines are passed over: a stream has some where nothing else comes.
        package var passesOverBlank = false
        package init() {}
        package init(lineBytesMax: Int, linesMax: Int, passesOverBlank: Bool = false) {
            self.lineBytesMax = lineBytesMax
            self.linesMax = linesMax
            self.passesOverBlank = passesOverBlank
        }
    }

    /// Calls `body` with each line's bytes and its number from 1; `path` `-` is standard input. Returns how many
    /// lines there were.
    ///
    /// Throws a `CommandError`: 66 if the file cannot be read, 74 if reading fails on the way, 65 for a line that is
    /// empty, too long, one too many, or for which `body` throws a `LineError`, and for no lines at all; the message
    /// has the line's number. Other errors of `body` pass through.
    @MainActor @discardableResult package static func forEach(
        in path: String, limits: Limits = Limits(), _ body: (_ line: ArraySlice<UInt8>, _ number: Int) throws -> Void
    ) throws -> Int {
        let name = path == "-" ? "standard input" : path
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CommandError.system(.noInput, "cannot read \(name)", errno: errno) }
        defer { if path != "-" { close(descriptor) } }
        var splitter = LineSplitter(name: name, limits: limits)
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                try splitter.feed(chunk[..<count], body)
            } else if count == 0 {
                return try splitter.finish(body)
            } else if errno == EISDIR {
                throw CommandError.system(.noInput, "cannot read \(name)", errno: errno)
            } else if errno == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                poll(&ready, 1, -1)
            } else if errno != EINTR {
                throw CommandError.system(.inputOutput, "reading \(name) failed", errno: errno)
            }
        }
    }

    /// What is wrong with one line, without the name of the file and the line's number: `InputLines` adds both.
    package struct LineError: Error, Hashable, Sendable {
        package var reason: String
        package init(_ reason: String) { self.reason = reason }
    }
}

/// Cuts chunks into lines.
package struct LineSplitter {
    package let name: String
    package let limits: InputLines.Limits
    private var number = 0
    /// The beginning of a line whose end has not come yet.
    private var partial: [UInt8] = []

    package init(name: String, limits: InputLines.Limits) {
        self.name = name
        self.limits = limits
    }

    package mutating func feed(_ chunk: ArraySlice<UInt8>, _ body: (ArraySlice<UInt8>, Int) throws -> Void) throws {
        var rest = chunk
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let piece = rest[..<end]
            rest = rest[(end + 1)...]
            if partial.isEmpty {
                try take(piece, body)
            } else {
                try extend(piece)
                let line = partial
                partial.removeAll(keepingCapacity: true)
                try take(line[...], body)
            }
        }
        try extend(rest)
    }

    /// How many lines there were.
    package mutating func finish(_ body: (ArraySlice<UInt8>, Int) throws -> Void) throws -> Int {
        if !partial.isEmpty { try take(partial[...], body) }
        guard number > 0 else {
            throw CommandError(.data, "\(name) is empty: each line of it is one input, and one is needed at least")
        }
        return number
    }

    /// Room for the carriage return that is dropped at the line's end.
    private mutating func extend(_ piece: ArraySlice<UInt8>) throws {
        guard partial.count + piece.count <= limits.lineBytesMax + 1 else { throw tooLong(number + 1) }
        partial += piece
    }

    private mutating func take(_ piece: ArraySlice<UInt8>, _ body: (ArraySlice<UInt8>, Int) throws -> Void) throws {
        number += 1
        var line = piece
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard number <= limits.linesMax else {
            throw CommandError(
                .data, "\(name) has more than \(Format.count(limits.linesMax)) lines: split it into several jobs")
        }
        guard line.count <= limits.lineBytesMax else { throw tooLong(number) }
        guard !line.isEmpty else {
            if limits.passesOverBlank { return }
            throw CommandError(.data, "\(name), line \(Format.count(number)): the line is empty")
        }
        do {
            try body(line, number)
        } catch let error as InputLines.LineError {
            throw CommandError(.data, "\(name), line \(Format.count(number)): \(error.reason)")
        }
    }

    private func tooLong(_ number: Int) -> CommandError {
        let limit = Format.count(limits.lineBytesMax)
        return CommandError(.data, "\(name), line \(Format.count(number)): the line is longer than \(limit) bytes")
    }
}
