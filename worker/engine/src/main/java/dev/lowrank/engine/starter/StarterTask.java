package dev.lowrank.engine.starter;

import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The sample task: a guest's message in, one line for the book out. The base knows the words and how times are written, but
 * has seen neither such messages nor this line nor a conversation.
 */
final class StarterTask {
    private static final List<String> MESSAGES = List.of(
            "Hi, this is {name}. Could we have a table for {n} at the {place} on {day} at {time}?",
            "Please book the {place} for {n}, {day} {time}. The name is {name}.",
            "We are {n} and would love to eat at the {place} this {day}, {time}. Put it under {name}.",
            "{day} at {time}, {n} people, the {place}, in the name of {name}, please.",
            "Is the {place} free on {day} at {time}? There will be {n} of us. Regards, {name}",
            "Hello! {name} here. {n} seats at the {place} for {day}, {time}, if you can.",
            "Can you hold {n} places for {name} at the {place}? We arrive on {day} at {time}.",
            "I need a table on {day}. {time}, the {place}, {n} guests. My name is {name}.",
            "Dear team, {name} would like to come to the {place} with {n} in all, on {day} at {time}.",
            "Reserve for {n} at {time} on {day} please, the {place}, name {name}, thank you.");
    private static final JsonMapper MAPPER = JsonMapper.shared();

    private StarterTask() {}

    /** One chat row as a line of JSON. */
    static String row(Dice dice) {
        Booking booking = Booking.any(dice);
        ObjectNode row = JsonNodeFactory.instance.objectNode();
        var messages = row.putArray("messages");
        messages.addObject().put("role", "user").put("content", message(booking, dice));
        messages.addObject().put("role", "assistant").put("content", answer(booking));
        return MAPPER.writeValueAsString(row);
    }

    private static String message(Booking booking, Dice dice) {
        String time = dice.chance(0.6) ? booking.spokenTime() : booking.clockTwelve();
        String people = dice.chance(0.7) ? booking.spokenPeople() : String.valueOf(booking.people());
        return dice.pick(MESSAGES)
                .replace("{name}", booking.name())
                .replace("{place}", booking.place())
                .replace("{day}", booking.dayName())
                .replace("{time}", time)
                .replace("{n}", people);
    }

    private static String answer(Booking booking) {
        return "%s | %s | %s | %d | %s"
                .formatted(booking.clock(), booking.dayShort(), booking.place(), booking.people(), booking.name());
    }
}
