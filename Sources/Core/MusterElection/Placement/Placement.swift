/// Which edge is asked for an image first, and which after it.
///
/// Pure arithmetic on the image's id and the edges: clients that know the same edges agree without a word between them.
package enum Placement: String, CaseIterable, Sendable {
    /// `id mod N` in the order in which the edges are given, then the next ones in that order, around the end.
    ///
    /// Even to one id for consecutive ids, but every change of N moves almost every image.
    case modulo
    /// Highest random weight: see `RendezvousHash`. The order in which the edges are given means nothing, and an edge
    /// that goes moves its own images only, to all the others alike.
    case rendezvous

    /// Places in `edges`, all of them, the most preferred first; empty for no edges.
    ///
    /// `edges` holds what each edge is known by to all clients: its URL. `image` is 0 or more. Two edges of one name
    /// count as one that is listed twice.
    package func order(of image: Int64, among edges: [String]) -> [Int] {
        precondition(image >= 0, "\(image) is no image's id")
        guard !edges.isEmpty else { return [] }
        switch self {
        case .modulo:
            let first = Int(image % Int64(edges.count))
            return Array(first..<edges.count) + Array(0..<first)
        case .rendezvous:
            let weights = edges.map { RendezvousHash(edge: $0).weight(of: UInt64(image)) }
            return edges.indices.sorted { a, b in
                // A tie, one in 2^64, goes to the name that sorts first, so that the list's own order decides nothing.
                weights[a] == weights[b] ? edges[a] < edges[b] : weights[a] > weights[b]
            }
        }
    }
}
