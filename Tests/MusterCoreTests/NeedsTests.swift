import Testing

@testable import MusterCore

@Suite("needs and what there is")
struct NeedsTests {
    static let rooms: [(Amounts, Amounts, Bool)] = [
        (.oneCPU, .oneCPU, true), (Amounts(cpus: 2), .oneCPU, false),
        (Amounts(cpus: 1, memory: 5), Amounts(cpus: 1, memory: 5), true),
        (Amounts(cpus: 1, memory: 6), Amounts(cpus: 9, memory: 5, gpus: 9), false),
        (Amounts(cpus: 1, gpus: 1), Amounts(cpus: 1), false),
        (Amounts(cpus: 1, gpus: 1), Amounts(cpus: 1, gpus: 2), true),
        (Amounts(cpus: 1, counts: ["a": 2]), Amounts(cpus: 1, counts: ["a": 1, "b": 9]), false),
        (Amounts(cpus: 1, counts: ["a": 2]), Amounts(cpus: 1, counts: ["a": 2]), true),
        (Amounts(cpus: 1, counts: ["a": 1]), Amounts(cpus: 1), false), (Amounts(), Amounts(), true),
    ]

    @Test("fits only where there is enough of everything", arguments: rooms)
    func fits(amounts: Amounts, room: Amounts, expected: Bool) { #expect(amounts.fits(in: room) == expected) }

    @Test("what is taken and given back is what was there")
    func sums() {
        let whole = Amounts(cpus: 4, memory: 100, gpus: 2, counts: ["a": 3])
        let part = Amounts(cpus: 1, memory: 30, gpus: 1, counts: ["a": 3, "b": 1])
        let rest = whole - part
        #expect(rest == Amounts(cpus: 3, memory: 70, gpus: 1, counts: ["b": -1]))
        #expect(rest.notNegative == Amounts(cpus: 3, memory: 70, gpus: 1))
        #expect(rest + part == whole)
        #expect((Amounts() - .oneCPU).notNegative == Amounts())
        #expect(whole.least(part) == Amounts(cpus: 1, memory: 30, gpus: 1, counts: ["a": 3]))
    }

    static let many = Needs(
        Amounts(cpus: 4, memory: 3 << 29, gpus: 1, counts: ["licences": 2, "a=b": 1]),
        labels: ["site": "lab", "x": "a=b"])

    @Test("survive the store, and nothing else is taken for them")
    func text() {
        for needs in [Needs(), Self.many, Needs(labels: ["": ""])] { #expect(Needs(text: needs.text) == needs) }
        #expect(
            Self.many.text
                == "cpus=4\nmemory=1610612736\ngpus=1\ncount a=b=1\ncount licences=2\nlabel site=lab\nlabel x=a=b\n")
        for wrong in ["cpus", "cpus=x\n", "disk=4\n", "label x\n", "=1\n"] {
            #expect(Needs(text: wrong) == nil, "\(wrong)")
        }
    }

    @Test("one cpu is nothing special")
    func usual() {
        #expect(Needs().areUsual && !Self.many.areUsual)
        #expect(!Needs(labels: ["a": "b"]).areUsual && !Needs(Amounts(cpus: 1, memory: 1)).areUsual)
    }

    @Test("in words")
    func words() {
        #expect(
            Self.many.words == [
                "4 cpus", "1536 MiB of memory", "1 gpu", "1 of a=b", "2 of licences", "label site=lab", "label x=a=b",
            ])
        #expect(Needs().words == ["1 cpu"])
        #expect(
            [0, 1_023, 1 << 30, 15_825 << 20, 10_241].map(Amounts.bytes) == [
                "0 B", "1023 B", "1 GiB", "15 GiB", "10 KiB",
            ])
    }

    static let workers = [
        Resources(Amounts(cpus: 2, memory: 8 << 30), labels: ["site": "lab"]),
        Resources(Amounts(cpus: 1, memory: 16 << 30, gpus: 1, counts: ["licences": 1]), labels: ["site": "shed"]),
    ]
    static let lacks: [(Needs, String?)] = [
        (Needs(), nil), (Needs(Amounts(cpus: 2)), nil), (Needs(labels: ["site": "lab"]), nil),
        (Needs(Amounts(cpus: 4)), "needs 4 cpus, the largest worker has 2"),
        (Needs(Amounts(cpus: 1, memory: 1 << 40)), "needs 1 TiB of memory, the largest worker has 16 GiB"),
        (Needs(Amounts(cpus: 1, gpus: 2)), "needs 2 gpus, the largest worker has 1"),
        (Needs(Amounts(cpus: 1, counts: ["tapes": 1])), "needs 1 of tapes, the largest worker has 0"),
        (Needs(labels: ["site": "moon"]), "needs label site=moon, no worker has it"),
        (
            Needs(Amounts(cpus: 3), labels: ["a": "b"]),
            "needs 3 cpus, the largest worker has 2; needs label a=b, no worker has it"
        ),
        (Needs(Amounts(cpus: 2, gpus: 1)), "needs 2 cpus, 1 gpu, which no worker has all at once"),
    ]

    @Test("what no worker has is named, with what the largest has", arguments: lacks)
    func lack(needs: Needs, words: String?) { #expect(needs.lack(among: Self.workers) == words) }

    @Test("what is taken for now is named as that")
    func lackNow() {
        let free = [Resources(Amounts(cpus: -1, memory: 5)), Resources(Amounts(cpus: 2))]
        #expect(
            Needs(Amounts(cpus: 4)).lack(among: free, isFree: true) == "needs 4 cpus, the largest free worker has 2")
        #expect(Needs().lack(among: [free[0]], isFree: true) == "needs 1 cpu, the largest free worker has 0")
        let together = Needs(Amounts(cpus: 2, memory: 5)).lack(among: free, isFree: true)
        #expect(together == "needs 2 cpus, 5 B of memory, which no worker has all now")
    }
}
