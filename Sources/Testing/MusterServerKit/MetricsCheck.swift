internal import Testing

/// Holds a role's `/metrics` to what Prometheus's own checker asks: a help and a type for each, counters (and they only) in
/// `_total`, base units, no types or abbreviated units in names.
package func expectGoodMetrics(_ page: String) throws {
    let lines = page.split(separator: "\n").map(String.init)
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
