/// A line of GNU parallel's job log (`--joblog`), as its version 20221122 writes and reads it: nine columns with tabs between.
///
/// The command is last and may hold tabs. A newline in it is written as a NUL byte, and read back as a newline: a command has no NUL of
/// its own, so nothing is lost, and a record is one line. Parallel does the same.
package struct JobLogLine: Hashable, Sendable {
    package static let header = Array(
        "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand".utf8)

    /// The task's number in its run, from 1.
    package var seq: Int
    /// Who ran it: `:` in parallel means this machine. Tabs and other signs below a blank are written as `_`.
    package var host: String
    /// Milliseconds since 1970.
    package var startMs: Int
    package var runtimeMs: Int
    /// Bytes that were sent for it, and brought back.
    package var send: Int
    package var receive: Int
    /// 128 and the signal's number for a command that a signal ended, where parallel has 0; both have -1 for one that timed out.
    package var exitval: Int
    /// The signal's number; 0: none.
    package var signal: Int
    package var command: [UInt8]

    package init(
        seq: Int, host: String, startMs: Int, runtimeMs: Int, send: Int = 0, receive: Int = 0, exitval: Int,
        signal: Int,
        command: [UInt8]
    ) {
        (self.seq, self.host, self.startMs, self.runtimeMs) = (seq, host, startMs, runtimeMs)
        (self.send, self.receive, self.exitval, self.signal, self.command) = (send, receive, exitval, signal, command)
    }

    package var hasSucceeded: Bool { exitval == 0 && signal == 0 }

    /// The line without its newline.
    package var bytes: [UInt8] {
        let host = host.utf8.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "_") : $0 }
        let runtime = Self.seconds(runtimeMs)
        // Ten wide, as `%10.3f` is.
        let padding = String(repeating: " ", count: max(0, 10 - runtime.utf8.count))
        var line = Array("\(seq)\t".utf8)
        line += host.isEmpty ? [UInt8(ascii: ":")] : host
        line += Array(
            "\t\(Self.seconds(startMs))\t\(padding)\(runtime)\t\(send)\t\(receive)\t\(exitval)\t\(signal)\t".utf8)
        line += command.map { $0 == UInt8(ascii: "\n") ? 0 : $0 }
        return line
    }

    /// Nil for what is no line of a job log; its header is none either.
    package init?(parsing line: some Collection<UInt8>) {
        let fields = line.split(separator: 0x09, maxSplits: 8, omittingEmptySubsequences: false)
        guard fields.count == 9 else { return nil }
        let texts = fields[..<8].map { String(decoding: $0, as: UTF8.self) }
        guard let seq = Self.whole(texts[0]), seq > 0, let startMs = Self.milliseconds(texts[2]),
            let runtimeMs = Self.milliseconds(texts[3]), let send = Self.whole(texts[4]),
            let receive = Self.whole(texts[5]), let exitval = Self.whole(texts[6]), let signal = Self.whole(texts[7]),
            !texts[1].isEmpty
        else { return nil }
        self.init(
            seq: seq, host: texts[1], startMs: startMs, runtimeMs: runtimeMs, send: send, receive: receive,
            exitval: exitval, signal: signal, command: fields[8].map { $0 == 0 ? UInt8(ascii: "\n") : $0 })
    }

    private static func seconds(_ milliseconds: Int) -> String {
        let (whole, rest) = milliseconds.magnitude.quotientAndRemainder(dividingBy: 1_000)
        let digits = "\(rest)"
        return (milliseconds < 0 ? "-" : "") + "\(whole)." + String(repeating: "0", count: 3 - digits.count) + digits
    }

    private static func whole(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2D }) else { return nil }
        return Int(text)
    }

    /// Seconds with any number of decimals, blanks before them; what is below a millisecond is cut off.
    private static func milliseconds(_ text: String) -> Int? {
        var digits = text.drop { $0 == " " }
        let isNegative = digits.first == "-"
        if isNegative { digits.removeFirst() }
        let halves = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = halves.first, let seconds = whole(String(first)), seconds >= 0 else { return nil }
        let decimals = halves.count == 2 ? String(halves[1]) : "0"
        guard let rest = whole(String((decimals + "00").prefix(3))), rest >= 0,
            decimals.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !decimals.isEmpty
        else { return nil }
        let (product, overflows) = seconds.multipliedReportingOverflow(by: 1_000)
        let (sum, overflowsMore) = product.addingReportingOverflow(rest)
        return overflows || overflowsMore ? nil : isNegative ? -sum : sum
    }
}
