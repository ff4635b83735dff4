import MusterHTTP
import Testing

@testable import MusterRole

@Suite struct MetricsPageTests {
    @Test(arguments: [
        (0, "0.000"), (7, "0.007"), (1_234, "1.234"), (60_050, "60.050"), (12_345_678_901, "12345678.901"),
    ])
    func spansAreSeconds(_ milliseconds: Int, _ text: String) {
        var page = MetricsPage()
        page.add("a_seconds_total", "counter", "A span.", milliseconds: milliseconds)
        guard case .bytes(let bytes) = page.response.body else { preconditionFailure("no text") }
        #expect(String(decoding: bytes, as: UTF8.self).hasSuffix("\nmuster_a_seconds_total \(text)\n"))
    }
}
