package dev.lowrank.kernels.cpu;

import java.util.ArrayList;
import java.util.List;

/** Pieces of work that are divided as one: each for itself would cost a call of the team, or be too small for more than the caller. */
final class Pieces {
    private final Team team;
    private final List<Piece> pieces = new ArrayList<>();
    private long units;
    private long operations;

    private record Piece(long units, Team.PartShare share) {}

    Pieces(Team team) {
        this.team = team;
    }

    /**
     * One more, of so many units that can be done apart.
     *
     * @param operations what it takes in all, as {@link Team#parts} counts
     * @param share given the numbers of its own units
     */
    void add(long units, long operations, Team.PartShare share) {
        pieces.add(new Piece(units, share));
        this.units += units;
        this.operations += operations;
    }

    /** Does them all, each part a run of units that may begin in one piece and end in another. */
    void run() {
        team.split(units, 1, team.parts(operations), (part, from, to) -> {
            long first = 0;
            for (Piece piece : pieces) {
                long begin = Math.max(from - first, 0);
                long end = Math.min(to - first, piece.units);
                if (begin < end) {
                    piece.share.run(part, begin, end);
                }
                first += piece.units;
            }
        });
    }
}
