package dev.lowrank.engine.starter;

import java.util.List;

/**
 * The text the starter base learns from: a small world of people who book tables. Some of it is prose, some of it is
 * the same booking in a ledger, some of it says how times and numbers are written. It has no questions and answers, and
 * never the form the sample task asks for.
 */
final class StarterText {
    private static final List<String> PROSE = List.of(
            "On {day} {name} had a table for {n} at the {place} at {time}.",
            "{name} came to the {place} on {day} with {n} in the party, at {time}.",
            "At {time} on {day} the {place} kept {n} chairs for {name}.",
            "The {place} was full on {day}, but {name} had asked early and got a table for {n} at {time}.",
            "It was {day}. {name} met friends at the {place} at {time}; they were {n}.",
            "For {n} people, {name} took the long table of the {place} on {day} at {time}.",
            "{name} wrote to the {place}: {n} of us, {day}, {time}.",
            "They told {name} that the {place} would be ready on {day} at {time} for {n}.",
            "Nobody at the {place} forgot the {day} when {name} brought {n} guests at {time}.",
            "Every {day} at {time} {name} sits in the {place}, and the table is laid for {n}.");
    private static final List<String> AFTERWARDS = List.of(
            "The soup was hot and the bread was fresh.",
            "It rained, and they stayed until the lamps were lit.",
            "The cook had made fish with lemon.",
            "Somebody played the piano, and nobody wanted to go home.",
            "They paid and thanked the cook.",
            "The children had pancakes and fell asleep in the car.",
            "The window by the river was the best place in the house.",
            "There was apple cake, and it was soon gone.");
    private static final List<String> LEDGERS = List.of(
            "ledger / {place} / {day} / {clock} / party of {digits} / {name}",
            "In the book it says: {name}, {digits}, {dayShort}, {clock}, {place}.",
            "Note. Place: {place}. Day: {dayShort}. Time: {clock}. People: {digits}. Name: {name}.",
            "{clock} {dayShort} | {place} | {digits} | {name}");

    private StarterText() {}

    /** One document of a few sentences. */
    static String document(Dice dice) {
        return switch (dice.below(10)) {
            case 0, 1, 2 -> told(dice);
            case 3, 4 -> day(dice);
            case 5 -> spellings(dice);
            case 6 -> guestList(dice);
            default -> callAndAnswer(dice);
        };
    }

    /** A booking told and then entered in a ledger, or the other way round. */
    private static String told(Dice dice) {
        Booking booking = Booking.any(dice);
        String prose = fill(dice.pick(PROSE), booking, dice);
        String ledger = fill(dice.pick(LEDGERS), booking, dice);
        String after = dice.chance(0.3) ? " " + dice.pick(AFTERWARDS) : "";
        return dice.chance(0.8) ? prose + after + "\n" + ledger : ledger + "\n" + prose + after;
    }

    /** Several bookings of a day, told one after another, then the page of the ledger in the same order. */
    private static String day(Dice dice) {
        int count = 2 + dice.below(2);
        String form = dice.pick(LEDGERS);
        StringBuilder prose = new StringBuilder();
        StringBuilder page = new StringBuilder();
        for (int i = 0; i < count; i++) {
            Booking booking = Booking.any(dice);
            prose.append(i == 0 ? "" : " ").append(fill(dice.pick(PROSE), booking, dice));
            page.append('\n').append(fill(form, booking, dice));
        }
        return prose.append(page).toString();
    }

    private static String spellings(Dice dice) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 3; i++) {
            Booking booking = Booking.any(dice);
            text.append(
                    switch (dice.below(4)) {
                        case 0 -> "%s is %s. ".formatted(capital(booking.spokenTime()), booking.clock());
                        case 1 -> "%s is %s. ".formatted(booking.clockTwelve(), booking.clock());
                        case 2 -> "%s is short for %s. ".formatted(booking.dayShort(), booking.dayName());
                        default -> "%s is %d. ".formatted(capital(booking.spokenPeople()), booking.people());
                    });
        }
        return text.toString().strip();
    }

    private static String guestList(Dice dice) {
        StringBuilder names = new StringBuilder();
        for (int i = 0; i < 4; i++) {
            Booking booking = Booking.any(dice);
            names.append(i == 0 ? "" : ", ")
                    .append(booking.name())
                    .append(" of the ")
                    .append(booking.place());
        }
        return "Guests: " + names + ". Again: " + names + ".";
    }

    /**
     * Somebody calls out a few words and somebody says them again, once or twice. It is the quickest way for a small
     * model to learn to find a word it has read and say what came after it.
     */
    private static String callAndAnswer(Dice dice) {
        int count = 3 + dice.below(6);
        StringBuilder words = new StringBuilder();
        for (int i = 0; i < count; i++) {
            Booking booking = Booking.any(dice);
            words.append(' ')
                    .append(
                            switch (dice.below(5)) {
                                case 0 -> booking.name();
                                case 1 -> booking.place();
                                case 2 -> booking.dayName();
                                case 3 -> booking.dayShort();
                                default -> booking.spokenPeople();
                            });
        }
        String called = words.toString().strip();
        return dice.chance(0.5)
                ? "%s.\n%s.\n%s.".formatted(called, called, called)
                : "Called: %s. Answered: %s.".formatted(called, called);
    }

    private static String fill(String form, Booking booking, Dice dice) {
        String time = dice.chance(0.6) ? booking.spokenTime() : booking.clockTwelve();
        String people = dice.chance(0.7) ? booking.spokenPeople() : String.valueOf(booking.people());
        return form.replace("{name}", booking.name())
                .replace("{place}", booking.place())
                .replace("{day}", booking.dayName())
                .replace("{dayShort}", booking.dayShort())
                .replace("{time}", time)
                .replace("{clock}", booking.clock())
                .replace("{n}", people)
                .replace("{digits}", String.valueOf(booking.people()));
    }

    private static String capital(String text) {
        return Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }
}
