package dev.lowrank.platform.console;

import org.jspecify.annotations.Nullable;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.GetMapping;

/** The form that takes a key; the security chain reads what is sent. */
@Controller
class SignInPage {
    @GetMapping("/console/login")
    String form(@AuthenticationPrincipal @Nullable SignedIn user) {
        return user == null ? "console/login" : "redirect:/console";
    }
}
