import MusterSimulation
import Testing

@testable import MusterElection

@Suite("placement of images on edges")
struct PlacementTests {
    static let edges = (1...6).map { "http://127.0.0.1:\(8_000 + $0)" }

    @Test(
        "modulo: the remainder first, then round the list",
        arguments: [
            (0, 3, [0, 1, 2]), (1, 3, [1, 2, 0]), (5, 3, [2, 0, 1]), (7, 1, [0]), (7, 0, []),
            (Int64.max, 4, [3, 0, 1, 2]),
        ] as [(Int64, Int, [Int])])
    func modulo(image: Int64, count: Int, order: [Int]) {
        #expect(Placement.modulo.order(of: image, among: Array(Self.edges.prefix(count))) == order)
    }

    /// Clients of all versions must agree: these may never change.
    @Test("the numbers of rendezvous are what they always were")
    func golden() {
        // Vigna's splitmix64.c from seed 1234567: its outputs are the finaliser of multiples of its step.
        let outputs = (1...3 as ClosedRange<UInt64>).map {
            RendezvousHash.mix(1_234_567 &+ $0 &* 0x9E37_79B9_7F4A_7C15)
        }
        #expect(outputs == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
        let hash = RendezvousHash(edge: Self.edges[0])
        #expect([0, 1, 255, 256, 123_456_789, UInt64(Int64.max)].map { hash.weight(of: $0) } == Self.goldenWeights)
        let orders = [0, 1, 2, 1_000_000, Int64.max].map { Placement.rendezvous.order(of: $0, among: Self.edges) }
        #expect(orders == Self.goldenOrders)
    }

    static let goldenWeights: [UInt64] = [
        17_406_006_435_360_648_526, 13_583_770_859_035_805_107, 1_978_216_554_080_661_707,
        5_928_969_006_843_702_114, 16_277_051_398_299_779_313, 7_786_067_929_138_127_405,
    ]
    static let goldenOrders = [
        [0, 1, 2, 4, 5, 3], [2, 1, 0, 3, 5, 4], [3, 4, 1, 0, 2, 5], [4, 5, 1, 3, 2, 0], [3, 1, 4, 2, 0, 5],
    ]

    @Test("each key permutes the bytes", arguments: [0, 1, 0x1234_5678_9ABC_DEF0, .max] as [UInt64])
    func permutation(key: UInt64) {
        #expect(Set((0...255).map { RendezvousHash.permuted($0, key: key) }).count == 256)
    }

    @Test("the order of the list means nothing to rendezvous")
    func listing() {
        var random = TestRandom(seed: 5)
        for image in 0..<500 as Range<Int64> {
            let listed = Self.edges.shuffled(using: &random)
            let names = Placement.rendezvous.order(of: image, among: listed).map { listed[$0] }
            #expect(names == Placement.rendezvous.order(of: image, among: Self.edges).map { Self.edges[$0] })
        }
    }

    /// The order that is left is the order there was without the one that went: what it had goes to each image's second
    /// choice, and nothing else moves.
    @Test("losing an edge moves its images only", arguments: 0..<6)
    func losing(gone: Int) {
        var rest = Self.edges
        rest.remove(at: gone)
        var taken = [Int](repeating: 0, count: rest.count)
        for image in 0..<6_000 as Range<Int64> {
            let before = Placement.rendezvous.order(of: image, among: Self.edges).map { Self.edges[$0] }
            let after = Placement.rendezvous.order(of: image, among: rest)
            if after.map({ rest[$0] }) != before.filter({ $0 != Self.edges[gone] }) {
                Issue.record("image \(image) went from \(before) to \(after.map { rest[$0] })")
                return
            }
            if before[0] == Self.edges[gone] { taken[after[0]] += 1 }
        }
        // To all the others alike: a sixth of the images over five of them, 200 each.
        #expect(taken.allSatisfy { (140...260).contains($0) }, "\(taken)")
    }

    /// Names as fleets have them.
    static let fleets = [edges, (1...6).map { "http://edge-\($0):8000" }]

    @Test("a million images over six edges are even to half a percent", arguments: fleets)
    func balance(edges: [String]) {
        let hashes = edges.map { RendezvousHash(edge: $0) }
        var images = [Int](repeating: 0, count: edges.count)
        for image in 1...1_000_000 as ClosedRange<UInt64> {
            var best = 0
            var highest: UInt64 = 0
            for place in hashes.indices {
                let weight = hashes[place].weight(of: image)
                if weight > highest { (best, highest) = (place, weight) }
            }
            images[best] += 1
        }
        let ratio = Double(images.max() ?? 0) / (1_000_000 / 6)
        #expect(ratio <= 1.005, "\(images)")
        // What the loop does is what a client does.
        for image in [1, 77, 999_999] as [Int64] {
            let order = Placement.rendezvous.order(of: image, among: edges)
            #expect(
                order
                    == edges.indices.sorted {
                        hashes[$0].weight(of: UInt64(image)) > hashes[$1].weight(of: UInt64(image))
                    })
        }
    }
}
