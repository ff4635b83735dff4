import HTTPCaching
import Testing

@Suite struct FramingTests {
    static let good: [HeaderFields] = [
        [:], ["Content-Length": "0"], ["Content-Length": "12"], ["Content-Length": "12, 12"],
        ["Transfer-Encoding": "chunked"], ["Transfer-Encoding": "Chunked"],
    ]

    @Test(arguments: good) func oneEnd(_ fields: HeaderFields) { #expect(Framing.defect(fields) == nil) }

    static let bad: [(HeaderFields, String)] = [
        (["Content-Length": "1", "Transfer-Encoding": "chunked"], "a length and a transfer coding"),
        (["Transfer-Encoding": "gzip, chunked"], "not \"chunked\""),
        (["Transfer-Encoding": "identity"], "not \"chunked\""),
        (["Content-Length": "1, 2"], "two lengths"), (["Content-Length": "+1"], "no number"),
        (["Content-Length": "-1"], "no number"), (["Content-Length": "x"], "no number"),
        (["Content-Length": "99999999999999999999"], "no number"),
    ]

    @Test(arguments: bad) func doubt(_ fields: HeaderFields, _ words: String) {
        #expect(Framing.defect(fields)?.contains(words) == true, "\(Framing.defect(fields) ?? "nothing")")
    }
}
