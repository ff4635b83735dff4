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
    /// 128 and the signal's number for a command that a signal ended, where parallel has 0. Parallel has -1 for a command that timed out,
    /// and the signal that ended it, as a rule 15.
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
    package init?(parsing line: ArraySlice<UInt8>) {
        let fields = line.split(separator: 0x09, maxSplits: 8, omittingEmptySubsequences: false)
        guard fields.count == 9, let seq = Self.whole(fields[0]), seq > 0, !fields[1].isEmpty,
            let startMs = Self.milliseconds(fields[2]), let runtimeMs = Self.milliseconds(fields[3]),
            let send = Self.whole(fields[4]), let receive = Self.whole(fields[5]),
            let exitval = Self.whole(fields[6]), let signal = Self.whole(fields[7])
        else { return nil }
        self.init(
            seq: seq, host: String(decoding: fields[1], as: UTF8.self), startMs: startMs, runtimeMs: runtimeMs,
            send: send,
            receive: receive, exitval: exitval, signal: signal,
            command: fields[8].map { $0 == 0 ? UInt8(ascii: "\n") : $0 })
    }

    private static func seconds(_ milliseconds: Int) -> String {
        let (whole, rest) = milliseconds.magnitude.quotientAndRemainder(dividingBy: 1_000)
        let digits = "\(rest)"
        return (milliseconds < 0 ? "-" : "") + "\(whole)." + String(repeating: "0", count: 3 - digits.count) + digits
    }

    /// A whole number, with a minus before it or without.
    private static func whole(_ text: ArraySlice<UInt8>) -> Int? {
        text.first == UInt8(ascii: "-") ? digits(text.dropFirst(), sign: -1) : digits(text, sign: 1)
    }

    private static func digits(_ text: ArraySlice<UInt8>, sign: Int) -> Int? {
        if text.isEmpty { return nil }
        var number = 0
        for byte in text {
            guard (0x30...0x39).contains(byte) else { return nil }
            let (product, overflows) = number.multipliedReportingOverflow(by: 10)
            let (sum, overflowsMore) = product.addingReportingOverflow(sign * Int(byte - 0x30))
            if overflows || overflowsMore { return nil }
            number = sum
        }
        return number
    }

    /// Seconds with any number of decimals, blanks before them; what is below a millisecond is cut off.
    private static func milliseconds(_ text: ArraySlice<UInt8>) -> Int? {
        var text = text.drop { $0 == 0x20 }
        let sign = text.first == UInt8(ascii: "-") ? -1 : 1
        if sign < 0 { text = text.dropFirst() }
        let halves = text.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        let decimals = halves.count == 2 ? halves[1] : [0x30]
        guard let first = halves.first, !first.isEmpty, !decimals.isEmpty,
            decimals.allSatisfy({ (0x30...0x39).contains($0) })
        else {
            return nil
        }
        let three = Array(decimals.prefix(3)) + Array(repeating: 0x30, count: 3 - min(3, decimals.count))
        return digits(first + three, sign: sign)
    }
}
