import RunRules
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
private func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

@Suite struct LiveWindowTests {
    @Test func theNewestBytesStay() {
        var window = LiveWindow(bytesMax: 4)
        window.append(bytes("abc"), at: 0)
        #expect(window.bytes(from: 0, atMost: 9).map { ($0.place, text($0.bytes)) } ?? (9, "") == (0, "abc"))
        window.append(bytes("bcdef"), at: 1)
        #expect(window.start == 2 && window.end == 6 && window.count == 4)
        #expect(window.bytes(from: 0, atMost: 9).map { ($0.place, text($0.bytes)) } ?? (9, "") == (2, "cdef"))
        #expect(window.bytes(from: 5, atMost: 9).map { ($0.place, text($0.bytes)) } ?? (9, "") == (5, "f"))
        #expect(window.bytes(from: 6, atMost: 9) == nil)
        window.append(bytes("0123456789"), at: 6)
        #expect(window.start == 12 && window.end == 16)
        #expect(window.bytes(from: 13, atMost: 2).map { text($0.bytes) } == "78")
    }

    @Test func whatWasSeenIsPassedOverAndAGapBeginsAnew() {
        var window = LiveWindow(bytesMax: 100)
        window.append(bytes("abc"), at: 0)
        window.append(bytes("ab"), at: 0)
        #expect(window.count == 3)
        window.append(bytes("xyz"), at: 10)
        #expect(window.start == 10 && window.end == 13)
        window.clear()
        #expect(window.end == 13 && window.count == 0)
    }

    @Test func whatIsTakenIsGoneAndCharactersStayWhole() {
        var window = LiveWindow(bytesMax: 100)
        window.append(bytes("aä"), at: 0)
        #expect(window.take(atMost: 2).map { text($0.bytes) } == "a")
        #expect(window.take(atMost: 9).map { ($0.place, text($0.bytes)) } ?? (0, "") == (1, "ä"))
        // What is no text is not waited for.
        window.append([0xC3], at: 3)
        #expect(window.take(atMost: 9)?.bytes == [0xC3])
        #expect(window.take(atMost: 9) == nil && window.end == 4)
    }
}

@Suite struct LiveStreamTests {
    @Test func linesComeWholeAndTheResultBringsTheRest() {
        var stream = LiveStream()
        #expect(text(stream.take(bytes("on")[...], at: 0)) == "")
        #expect(text(stream.take(bytes("e\ntwo\nth")[...], at: 2)) == "one\ntwo\n")
        #expect(text(stream.take(bytes("two\nth")[...], at: 4)) == "")
        let end = stream.finish(bytes("one\ntwo\nthree"), total: 13)
        #expect(end.parts.map { text($0) } == ["three"] && end.lost == 0)
    }

    @Test func aGapTakesItsLinesWithIt() {
        var stream = LiveStream()
        #expect(text(stream.take(bytes("one\ntw")[...], at: 0)) == "one\n")
        // "o\nthr" is missing.
        #expect(text(stream.take(bytes("ee\nfour\nfi")[...], at: 11)) == "four\n")
        let end = stream.finish(bytes("one\ntwo\nthree\nfour\nfive\n"), total: 24)
        #expect(end.parts.map { text($0) } == ["two\nthree\n", "five\n"] && end.lost == 0)
    }

    @Test func whatTheResultHasCutIsKeptAsFarAsItWasSeen() {
        var stream = LiveStream()
        #expect(text(stream.take(bytes("one\ntwo\nthr")[...], at: 0)) == "one\ntwo\n")
        let seen = stream.finish(bytes("on"), total: 11)
        #expect(seen.parts.map { text($0) } == ["thr"] && seen.lost == 0)
        #expect(text(stream.take(bytes("one\n")[...], at: 0)) == "one\n")
        let unseen = stream.finish(bytes("one\nt"), total: 11)
        #expect(unseen.parts.map { text($0) } == ["t"] && unseen.lost == 6)
        _ = stream.take(bytes("b\nc\n")[...], at: 8)
        let gap = stream.finish(bytes("one\n"), total: 12)
        #expect(gap.parts.map { text($0) } == ["one\n"] && gap.lost == 6)
    }

    @Test func aLineOfOneMiBIsNotHeld() {
        var stream = LiveStream()
        let long = [UInt8](repeating: 0x61, count: LiveStream.lineBytesMax + 1)
        #expect(stream.take(long[...], at: 0).isEmpty)
        #expect(text(stream.take(bytes("b\nc\n")[...], at: long.count)) == "c\n")
        let end = stream.finish(bytes("aaa"), total: long.count + 4)
        #expect(end.parts.map { text($0) } == ["aaa"] && end.lost == long.count + 2 - 3)
    }

    /// However the stream is cut, doubled and let go, with the result each line comes once, and whole.
    @Test(arguments: UInt64(1)...200) func eachLineOnce(_ seed: UInt64) {
        var random = Numbers(state: seed)
        let lines = (0..<40).map {
            "\($0)" + String(repeating: "x", count: Int.random(in: 0...30, using: &random)) + "\n"
        }
        let all = bytes(lines.joined())
        var stream = LiveStream()
        var printed = ""
        var place = 0
        while place < all.count {
            let end = min(all.count, place + Int.random(in: 1...60, using: &random))
            let begin = max(0, place - Int.random(in: 0...20, using: &random))
            if Int.random(in: 0..<4, using: &random) > 0 { printed += text(stream.take(all[begin..<end], at: begin)) }
            place = end
        }
        let end = stream.finish(all, total: all.count)
        for part in end.parts { printed += text(part) }
        #expect(end.lost == 0)
        #expect(printed.split(separator: "\n").sorted() == lines.map { $0.dropLast() }.sorted())
    }

    private struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }
}

@Suite struct LiveOutputsTests {
    private func run(_ attempt: Int, startMs: Int64 = 5) -> LiveOutputs.Run {
        LiveOutputs.Run(attempt: attempt, startMs: startMs)
    }

    @Test func aRunOfTheSameAttemptIsAnotherToo() {
        var outputs = LiveOutputs()
        _ = outputs.take(0, run(1), isError: false, bytes("one\n")[...], at: 0)
        let again = outputs.take(0, run(1, startMs: 9), isError: false, bytes("uno\n")[...], at: 0)
        #expect(again.abandoned == run(1) && again.output.map { text($0) } == ["uno\n"])
        let lost = outputs.finish(0, nil, output: ([], 0), error: ([], 0))
        #expect(lost.abandoned == nil && lost.output.isEmpty)
    }

    @Test func tasksAndStreamsAreApart() {
        var outputs = LiveOutputs()
        #expect(outputs.take(1, run(1), isError: false, bytes("a")[...], at: 0).isEmpty)
        #expect(outputs.take(1, run(1), isError: true, bytes("E\n")[...], at: 0).error.map { text($0) } == ["E\n"])
        #expect(outputs.take(2, run(1), isError: false, bytes("b\n")[...], at: 0).output.map { text($0) } == ["b\n"])
        let due = outputs.finish(1, run(1), output: (bytes("a\n"), 2), error: (bytes("E\n"), 2))
        #expect(due.output.map { text($0) } == ["a\n"] && due.error.isEmpty && due.abandoned == nil)
        #expect(outputs.count == 1)
    }

    @Test func anotherAttemptIsTold() {
        var outputs = LiveOutputs()
        _ = outputs.take(0, run(1), isError: false, bytes("one\ntw")[...], at: 0)
        let again = outputs.take(0, run(2), isError: false, bytes("one\n")[...], at: 0)
        #expect(
            again.abandoned == run(1) && text(again.abandonedOutput) == "tw"
                && again.output.map { text($0) } == ["one\n"])
        #expect(outputs.take(0, run(1), isError: false, bytes("o\n")[...], at: 6).isEmpty)
        let end = outputs.finish(0, run(2), output: (bytes("one\ntwo\n"), 8), error: ([], 0))
        #expect(end.abandoned == nil && end.output.map { text($0) } == ["two\n"])
    }

    @Test func aResultOfAnotherAttemptIsPrintedWhole() {
        var outputs = LiveOutputs()
        _ = outputs.take(0, run(1), isError: false, bytes("one\n")[...], at: 0)
        let end = outputs.finish(0, run(2), output: (bytes("uno\n"), 4), error: ([], 0))
        #expect(end.abandoned == run(1) && end.output.map { text($0) } == ["uno\n"])
    }

    @Test func whatIsHeldComesAtTheEnd() {
        var outputs = LiveOutputs()
        _ = outputs.take(5, run(1), isError: false, bytes("half")[...], at: 0)
        #expect(outputs.rest().map { "\($0.task) \(text($0.output))" } == ["5 half"])
        #expect(outputs.count == 0)
    }
}
