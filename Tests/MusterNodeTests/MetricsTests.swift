import MusterHTTP
import Testing

@testable import MusterNode

/// What every role's `/metrics` must be like.
@Suite struct MetricsTests {
    private func page(of role: String) async throws -> [String] {
        let page = Handed()
        switch role {
        case "coordinator":
            try await withCoordinator { page.text = $0.ask("GET", "/metrics", token: $0.tokens.read)?.text ?? "" }
        case "origin": try await withOrigin { page.text = try $0.ask("GET", "/metrics").text }
        default:
            try await withEdge(plainUpstream) { edge in
                page.text = edge.client().ask("GET", "/metrics", token: "admin")?.text ?? ""
            }
        }
        return page.text.split(separator: "\n").map(String.init)
    }

    /// `@unchecked Sendable`: written once, before it is read.
    private final class Handed: @unchecked Sendable { var text = "" }

    /// As Prometheus's own checker has it: a help and a type for each, counters (and they only) in `_total`, base units, no
    /// types or abbreviated units in names.
    @Test(arguments: ["coordinator", "origin", "edge"]) func namesAreGood(_ role: String) async throws {
        let lines = try await page(of: role)
        try #require(lines.count % 3 == 0 && lines.count > 15, "\(lines)")
        for start in stride(from: 0, to: lines.count, by: 3) {
            let (help, type) = (lines[start].split(separator: " "), lines[start + 1].split(separator: " "))
            let sample = lines[start + 2].split(separator: " ").map(String.init)
            try #require(help.count > 3 && type.count == 4 && sample.count == 2, "\(lines[start])")
            let name = sample[0]
            #expect(help[0...2].elementsEqual(["#", "HELP", name[...]]))
            #expect(type[0...2].elementsEqual(["#", "TYPE", name[...]]))
            #expect(["counter", "gauge"].contains(type[3]) && Double(sample[1]) != nil, "\(lines[start + 2])")
            #expect((type[3] == "counter") == name.hasSuffix("_total"), "\(name)")
            let words = name.split(separator: "_")
            #expect(name.hasPrefix("muster_") && name.allSatisfy { $0.isLowercase || $0 == "_" }, "\(name)")
            for word in [
                "milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "kilobytes", "megabytes",
                "bits",
                "percent", "ms", "us", "sec", "secs", "counter", "gauge", "count", "sum", "bucket",
            ] { #expect(!words.contains(word[...]), "\(name)") }
        }
        #expect(Set(lines.filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ")[0] }).count == lines.count / 3)
    }

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
