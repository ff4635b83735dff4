/// The candidate most like the word: one that differs by a slip or two, else one that the word begins. Nil if none is
/// near.
func nearest(to word: String, in candidates: [String]) -> String? {
    let typed = Array(word.lowercased().utf8.prefix(64))
    guard typed.count > 1 else { return nil }
    let tolerance = typed.count < 4 ? 1 : 2
    let scored = candidates.map { ($0, editDistance(typed, Array($0.utf8))) }
    if let best = scored.min(by: { $0.1 < $1.1 }), best.1 <= tolerance { return best.0 }
    return candidates.first { $0.utf8.starts(with: typed) }
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other (optimal string
/// alignment).
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in 1...a.count {
        var row = [i] + [Int](repeating: 0, count: b.count)
        for j in 1...b.count {
            row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
            if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { row[j] = min(row[j], beforeLast[j - 2] + 1) }
        }
        beforeLast = last
        last = row
    }
    return last[b.count]
}
