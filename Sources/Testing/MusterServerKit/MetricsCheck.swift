internal import Testing

/// Holds a role's `/metrics` to what Prometheus's own checker asks: a help and a type for each, counters (and they only) in
/// `_total`, base units, no types or abbreviated units in names. A name has one sample, or several that differ in a label.
package func expectGoodMetrics(_ page: String) throws {
    let lines = page.split(separator: "\n").map(String.init)
    let starts = lines.indices.filter { lines[$0].hasPrefix("# HELP ") }
    try #require(starts.first == 0 && starts.count > 5, "\(lines)")
    for (start, end) in zip(starts, starts.dropFirst() + [lines.count]) {
        try #require(end - start >= 3, "\(lines[start])")
        let (help, type) = (lines[start].split(separator: " "), lines[start + 1].split(separator: " "))
        try #require(help.count > 3 && type.count == 4, "\(lines[start])")
        let name = String(help[2])
        #expect(type[0...2].elementsEqual(["#", "TYPE", name[...]]))
        let isCounter = type[3] == "counter"
        for line in lines[(start + 2)..<end] {
            let sample = line.split(separator: " ").map(String.init)
            try #require(sample.count == 2 && Double(sample[1]) != nil, "\(line)")
            let label = sample[0].dropFirst(name.count)
            #expect(sample[0].hasPrefix(name) && (label.isEmpty ? end - start == 3 : isGoodLabel(label)), "\(line)")
        }
        #expect((isCounter || type[3] == "gauge") && isCounter == name.hasSuffix("_total"), "\(name)")
        let words = name.split(separator: "_")
        #expect(name.hasPrefix("muster_") && name.allSatisfy { $0.isLowercase || $0 == "_" }, "\(name)")
        for word in [
            "milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "kilobytes", "megabytes",
            "bits",
            "percent", "ms", "us", "sec", "secs", "counter", "gauge", "count", "sum", "bucket",
        ] { #expect(!words.contains(word[...]), "\(name)") }
    }
    let samples = lines.filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ")[0] }
    #expect(Set(samples).count == samples.count && samples.count + 2 * starts.count == lines.count)
}

/// `{name="a-word"}`
private func isGoodLabel(_ text: Substring) -> Bool {
    let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].first == "{", parts[0].last == "=", parts[2] == "}" else { return false }
    let isName = parts[0].dropFirst().dropLast().allSatisfy { $0.isLowercase }
    return isName && !parts[1].isEmpty && parts[1].allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" }
}
