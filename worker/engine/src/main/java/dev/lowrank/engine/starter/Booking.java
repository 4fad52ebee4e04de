package dev.lowrank.engine.starter;

import java.util.List;

/**
 * A table at a restaurant: what every text of the small world is about.
 *
 * @param day 0 for Monday
 * @param hour 8 to 22
 * @param quarter quarters of an hour past it, 0 to 3
 */
record Booking(String name, String place, int day, int hour, int quarter, int people) {
    static final List<String> DAYS =
            List.of("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday");
    private static final List<String> NUMBERS = List.of(
            "twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
            "twelve");
    private static final List<String> NAMES = List.of(
            "Okafor",
            "Larsen",
            "Mbeki",
            "Tanaka",
            "Silva",
            "Novak",
            "Haddad",
            "Moreau",
            "Keller",
            "Rossi",
            "Ivanova",
            "Chen",
            "Park",
            "Dubois",
            "Garcia",
            "Nkrumah",
            "Petrov",
            "Yilmaz",
            "Andersson",
            "Kowalski",
            "Fischer",
            "Santos",
            "Murphy",
            "Khan",
            "Sharma",
            "Nguyen",
            "Lopez",
            "Weber",
            "Marino",
            "Costa",
            "Eriksen",
            "Popescu",
            "Horvat",
            "Bakker",
            "Janssen",
            "Romero",
            "Sato",
            "Kim",
            "Abebe",
            "Diallo",
            "Farah",
            "Osei",
            "Banerjee",
            "Reyes",
            "Walker",
            "Hughes",
            "Morgan",
            "Stewart",
            "Fraser",
            "Byrne");
    private static final List<String> FIRST = List.of(
            "Copper", "Blue", "Old", "Silver", "Golden", "Green", "Red", "Quiet", "Little", "Grand", "White", "Merry");
    private static final List<String> SECOND = List.of(
            "Kettle", "Heron", "Mill", "Lantern", "Harbour", "Garden", "Fox", "Oak", "Bridge", "Anchor", "Swan",
            "Barn");

    static Booking any(Dice dice) {
        return new Booking(
                dice.pick(NAMES),
                dice.pick(FIRST) + " " + dice.pick(SECOND),
                dice.below(7),
                8 + dice.below(15),
                dice.below(4),
                1 + dice.below(12));
    }

    String dayName() {
        return DAYS.get(day);
    }

    /** {@code fri}. */
    String dayShort() {
        return dayName().substring(0, 3).toLowerCase();
    }

    /** {@code 19:30}. */
    String clock() {
        return "%d:%02d".formatted(hour, 15 * quarter);
    }

    /** {@code 7:30 pm} or {@code 7 pm}. */
    String clockTwelve() {
        String minutes = quarter == 0 ? "" : ":%02d".formatted(15 * quarter);
        return (hour % 12 == 0 ? 12 : hour % 12) + minutes + (hour < 12 ? " am" : " pm");
    }

    /** {@code half past seven in the evening}. */
    String spokenTime() {
        String part = hour < 12 ? "in the morning" : hour < 18 ? "in the afternoon" : "in the evening";
        String now = NUMBERS.get(hour % 12);
        return switch (quarter) {
            case 0 -> now + " o'clock " + part;
            case 1 -> "a quarter past " + now + " " + part;
            case 2 -> "half past " + now + " " + part;
            default -> "a quarter to " + NUMBERS.get((hour + 1) % 12) + " " + part;
        };
    }

    String spokenPeople() {
        return NUMBERS.get(people);
    }
}
